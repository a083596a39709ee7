using System.Globalization;
using KvPolicy.Cli.Verification;
using KvPolicy.Inference;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Tests.Verification;

/// <summary>Every point of verify holds for the program as it is, and fails when the fault that it is there for is planted.</summary>
public sealed class PlantedFaultTests : IDisposable
{
    private readonly Model _model = ModelLoader.Load(ModelLoader.Embedded);
    private readonly VerificationPrompt _prompt;
    private readonly VerificationPrompt _other;

    public PlantedFaultTests()
    {
        _prompt = VerificationPrompt.Make(11, _model.Tokenizer.BosId, _model.Config.VocabularySize, shotCount: 5);
        _other = VerificationPrompt.Make(12, _model.Tokenizer.BosId, _model.Config.VocabularySize, shotCount: 5);
    }

    public void Dispose() => _model.Dispose();

    private static VerifiedPolicy Policy(string name) => VerifiedPolicy.Variants(Catalog.All.Single(p => p.Name == name), new PolicySettings()).First();

    private static void Fails(PointResult result, string part)
    {
        Assert.False(result.Passed, $"the fault was not seen: {result.Figure}");
        Assert.Contains(part, result.Figure, StringComparison.Ordinal);
    }

    private static void Holds(PointResult result) => Assert.True(result.Passed, result.Figure);

    [Theory]
    [InlineData("SnapKv", PrefillSchedule.LayerMajor)]
    [InlineData("H2O", PrefillSchedule.ChunkMajor)]
    public void Point_1_sees_a_mask_that_is_off_by_one_position(string policy, PrefillSchedule schedule)
    {
        using var right = new EvictionEqualsMasking(_model, _prompt, threads: 1);
        Holds(right.Check(Policy(policy), schedule));
        using var wrong = new EvictionEqualsMasking(_model, _prompt, threads: 1, (request, make) => new OffByOneMask(make(request)));
        Fails(wrong.Check(Policy(policy), schedule), "a logit is");
    }

    [Fact]
    public void Point_2_sees_a_window_that_is_off_by_one()
    {
        using var workers = new WorkerPool(1);
        VerifiedPolicy policy = Policy("SnapKv");
        Holds(new EqualsReference(workers).Check(policy)!);
        string short1 = (int.Parse(policy.Settings.Values["window"], CultureInfo.InvariantCulture) - 1).ToString(CultureInfo.InvariantCulture);
        var wrong = new EqualsReference(workers, asked => asked.Info.Create(asked.Settings with { Values = new Dictionary<string, string>(asked.Settings.Values) { ["window"] = short1 } }));
        Fails(wrong.Check(policy)!, "layer 0, head 0");
    }

    [Fact]
    public void Point_3_sees_a_row_that_is_lost_at_a_chunk_border()
    {
        using var right = new ChunksAndThreads(_model, _prompt);
        Holds(right.Check(Policy("KeyNorm")));
        using var wrong = new ChunksAndThreads(_model, _prompt, (request, make) => new LostRow(make(request), request.Prompt.Tokens));
        Fails(wrong.Check(Policy("KeyNorm")), "chunks of 1");
    }

    [Theory]
    [InlineData("SnapKv")]
    [InlineData("ShotKv")]
    public void Point_4_sees_a_selector_that_keeps_everything(string policy)
    {
        using var right = new KeepOneEqualsNone(_model, _prompt, threads: 1);
        Holds(right.Check(Policy(policy)));
        using var wrong = new KeepOneEqualsNone(_model, _prompt, threads: 1, (request, make) => make(request with { Policy = KeepAllOf(request) }));
        Fails(wrong.Check(Policy(policy)), "nothing was evicted");
    }

    [Theory]
    [InlineData("H2O")]
    [InlineData("KeepAll")]
    public void Point_5_sees_state_of_the_previous_sequence(string policy)
    {
        Holds(new StateStaysHome(_model, _other, _prompt, threads: 1).Check(Policy(policy)));
        using var leak = new Leak();
        Fails(new StateStaysHome(_model, _other, _prompt, threads: 1, () => leak.Make).Check(Policy(policy)), "after another sequence");
    }

    private static IKvPolicy? KeepAllOf(StoreRequest request) => request.Policy is null ? null : Catalog.All.Single(p => p.Name == "KeepAll").Create(new PolicySettings());

    /// <summary>Tells of one kept key that it stands one position further on.</summary>
    private sealed class OffByOneMask(SequenceStore inner) : ForwardingStore(inner)
    {
        public override int[] Positions(int layer, int kvHead)
        {
            int[] positions = base.Positions(layer, kvHead);
            if (layer != 1 || kvHead != 0) return positions;
            int moved = Array.FindIndex(positions, p => p > 0 && !positions.Contains(p - 1));
            if (moved >= 0) positions[moved]--;
            return positions;
        }
    }

    /// <summary>Computes no attention for the last row of a chunk, unless the prompt ends there.</summary>
    private sealed class LostRow(SequenceStore inner, int prompt) : ForwardingStore(inner)
    {
        public override void PrefillAttention(int layer, MatrixRows qkv, int firstPosition, MatrixRows output)
        {
            bool border = firstPosition + qkv.Count < prompt;
            int rows = border ? qkv.Count - 1 : qkv.Count;
            if (rows > 0) base.PrefillAttention(layer, qkv with { Count = rows }, firstPosition, output with { Count = rows });
        }
    }

    /// <summary>Leaves the first key and value of a sequence to the next one, which meets them in its first decode step.</summary>
    private sealed class Leak : IDisposable
    {
        private DeviceMatrix? _left;

        public SequenceStore Make(StoreRequest request, Func<StoreRequest, SequenceStore> make) => new Store(make(request with { Capacity = request.Capacity + 1 }), this);

        public void Dispose() => _left?.Dispose();

        private sealed class Store(SequenceStore inner, Leak leak) : ForwardingStore(inner)
        {
            private readonly DeviceMatrix? _left = leak._left;
            private bool _met;

            public override void Append(int layer, MatrixRows qkv, int firstPosition)
            {
                leak._left ??= Copy(qkv);
                bool decodes = layer == 0 && qkv.Count == 1;
                if (decodes && !_met && _left is not null) base.Append(layer, _left.Slice(0, 1), firstPosition);
                _met |= decodes;
                base.Append(layer, qkv, firstPosition);
            }

            private static unsafe HostMatrix Copy(MatrixRows qkv)
            {
                var copy = new HostMatrix(1, qkv.Matrix.Columns);
                new ReadOnlySpan<float>(HostMatrix.Start(qkv), copy.Columns).CopyTo(new Span<float>(copy.Data, copy.Columns));
                return copy;
            }
        }
    }
}
