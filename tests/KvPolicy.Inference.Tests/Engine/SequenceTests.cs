using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Generation;

namespace KvPolicy.Inference.Tests.Engine;

public class SequenceTests
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 150).Select(i => 3 + i * i * 7 % 1100)];

    [Fact]
    public void Threads_and_chunk_rows_change_no_bit()
    {
        (float[] last, float[] decoded) want = Run(threads: 2, chunkRows: 256);
        foreach ((int threads, int chunkRows) in new[] { (1, 256), (3, 1), (2, 7), (1, 64) })
        {
            (float[] last, float[] decoded) found = Run(threads, chunkRows);
            Assert.Equal(want.last, found.last);
            Assert.Equal(want.decoded, found.decoded);
        }
    }

    [Fact]
    public void Prefilled_and_decoded_logits_agree()
    {
        using var engine = new LoadedEngine("embedded", threads: 2);
        using Sequence whole = engine.Begin(Prompt.Length), stepwise = engine.Begin(Prompt.Length);
        var rows = new List<float[]>();
        whole.Prefill(Prompt, (_, logits) => rows.Add(logits.ToArray()));
        stepwise.Prefill(Prompt.AsSpan(0, 40));
        for (int i = 40; i < Prompt.Length; i++)
        {
            ReadOnlySpan<float> logits = stepwise.Decode(Prompt[i]);
            for (int v = 0; v < logits.Length; v++) Assert.True(Math.Abs(logits[v] - rows[i][v]) < 1e-4, $"position {i}, id {v}");
        }
    }

    [Theory]
    [InlineData(150)]
    [InlineData(16)]
    public void A_policy_sees_the_rows_it_asked_for_with_their_log_sum_exp(int chunkRows)
    {
        RecordingPolicy policy = RecordingPolicy.Create(Budget.OfTokens(40), rows: 37, decodes: true);
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        Receipt receipt = engine.Feed(new PromptRequest { Prompt = Prompt, Policy = policy, ChunkRows = chunkRows }, [5, 6, 7], (_, _) => { });
        int layers = engine.Model.Config.Layers, heads = engine.Model.Config.QueryHeads;
        Assert.Equal(layers * heads * 37, policy.PrefillMass.Count);
        // Logits and log-sum-exp are f32: their own rounding, a few units in the last place, is the error of the exponential.
        double tolerance = 1e-5 + policy.LargestLogSumExp * 4e-7;
        Assert.InRange(tolerance, 0, 1e-3);
        Assert.All(policy.PrefillMass, entry => Assert.InRange(entry.Value, 1 - tolerance, 1 + tolerance));
        Assert.Equal(Enumerable.Range(150 - 37, 37), policy.PrefillMass.Keys.Select(key => key.Row).Distinct().Order());
        Assert.Equal(layers * heads * 3, policy.DecodeMass.Count);
        Assert.All(policy.DecodeMass, entry => Assert.InRange(entry.Value, 1 - 1e-5, 1 + 1e-5));
        Assert.All(receipt.Kept, layer => Assert.All(layer, held => Assert.Equal(40, held)));
        Assert.All(receipt.KeptEnd, layer => Assert.All(layer, held => Assert.Equal(40, held)));
        Assert.Contains(receipt.Kernels, kernel => kernel.Launches > 0);
    }

    [Fact]
    public void Cache_bytes_are_what_the_pages_hold()
    {
        RecordingPolicy policy = RecordingPolicy.Create(Budget.OfTokens(32), rows: 8, decodes: false);
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        Receipt receipt = engine.Feed(new PromptRequest { Prompt = Prompt, Policy = policy }, [5], (_, _) => { });
        long token = 2L * 4 * engine.Model.Config.KvHeads * engine.Model.Config.HeadDim;
        Assert.Equal(151 * token * engine.Model.Config.Layers, receipt.CacheBytes.Full);
        Assert.Equal(32 * token * engine.Model.Config.Layers, receipt.CacheBytes.AfterPrefill);
        Assert.Equal(64 * token * engine.Model.Config.Layers, receipt.CacheBytes.End);
        // One full layer (5 pages a head), three compressed ones before it, and the chunk's rows waiting.
        Assert.Equal((160 + 150 + (32 * 3)) * token, receipt.CacheBytes.Peak);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_decoded_token_allocates_nothing(bool sampled, bool compressed)
    {
        using var engine = new LoadedEngine("embedded", threads: 2);
        using Sequence sequence = engine.Begin(400, policy: compressed ? RecordingPolicy.Create(Budget.OfTokens(40), rows: 8, decodes: true, records: false) : null);
        var sampler = new Sampler(sampled ? new SamplingOptions(Temperature: 0.8, TopK: 40, TopP: 0.9, Seed: 1) : new SamplingOptions(), engine.Model.Config.VocabularySize);
        int id = sampler.Next(sequence.Prefill(Prompt));
        for (int i = 0; i < 60; i++) id = sampler.Next(sequence.Decode(id));
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 60; i++) id = sampler.Next(sequence.Decode(id));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_sequence_is_prefilled_once_and_holds_no_more_than_its_capacity()
    {
        using var engine = new LoadedEngine("embedded", threads: 1);
        using Sequence sequence = engine.Begin(3);
        Assert.Throws<InvalidOperationException>(() => sequence.Decode(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => sequence.Prefill([1, 2, 3, 4]));
        sequence.Prefill([1, 2, 3]);
        Assert.Throws<InvalidOperationException>(() => sequence.Prefill([1]));
        Assert.Throws<InvalidOperationException>(() => sequence.Decode(1));
    }

    [Fact]
    public void A_run_must_have_compressed_where_its_budget_says_so()
    {
        PolicyPlan half = new() { Name = "P", Prefill = new PrefillPlan { Budget = 0.5 } };
        PolicyPlan shots = new() { Name = "P", Prefill = new PrefillPlan { Budget = 0.5, Unit = Unit.Shot } };
        PolicyPlan generated = new() { Name = "P", Decode = new DecodePlan { Budget = 0.5, Of = Base.Generated } };
        Assert.True(ReceiptBuilder.Expected(half, 10, 0, []));
        Assert.False(ReceiptBuilder.Expected(half, 1, 0, []));
        Assert.False(ReceiptBuilder.Expected(new PolicyPlan { Name = "P", Prefill = new PrefillPlan { Budget = 1.0 } }, 10, 5, []));
        Assert.False(ReceiptBuilder.Expected(shots, 3, 0, [-1, -1, -1]));
        Assert.True(ReceiptBuilder.Expected(shots, 3, 0, [0, 0, -1]));
        Assert.False(ReceiptBuilder.Expected(generated, 10, 1, []));
        Assert.True(ReceiptBuilder.Expected(generated, 10, 2, []));
    }

    private static (float[] Last, float[] Decoded) Run(int threads, int chunkRows)
    {
        using var engine = new LoadedEngine("embedded", threads);
        using Sequence sequence = engine.Begin(Prompt.Length + 8, chunkRows);
        float[] last = sequence.Prefill(Prompt).ToArray();
        float[] decoded = [];
        for (int i = 0; i < 8; i++) decoded = sequence.Decode(100 + i).ToArray();
        return (last, decoded);
    }
}
