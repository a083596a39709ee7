using BenchmarkDotNet.Attributes;
using KvPolicy.Policies;

namespace KvPolicy.Benchmarks.Parts;

/// <summary>Every policy on one layer of tensors in the shape of SmolLM2: log-sum-exp of what it observes, scores, selection, compaction.</summary>
public class PolicyParts
{
    private WorkerPool _workers = null!;
    private TensorInput _input = null!;
    private IKvPolicy _policy = null!;

    /// <summary>The policies.</summary>
    public static IEnumerable<string> Policies => Catalog.All.Select(p => p.Name);

    /// <summary>Policy.</summary>
    [ParamsSource(nameof(Policies))]
    public string Policy { get; set; } = "SnapKv";

    /// <summary>Tokens.</summary>
    [Params(4096)]
    public int Length { get; set; } = 4096;

    /// <summary>Makes the tensors.</summary>
    [GlobalSetup]
    public void Make()
    {
        _workers = new WorkerPool();
        _policy = Catalog.All.Single(p => p.Name == Policy).Create(new PolicySettings { Keep = 0.1 });
        var random = new Random(1);
        float[] Numbers(int heads) => [.. Enumerable.Range(0, heads * Length * 64).Select(_ => random.NextSingle() - 0.5f)];
        _input = new TensorInput
        {
            QueryHeads = 9,
            KvHeads = 3,
            Length = Length,
            HeadDim = 64,
            Queries = Numbers(9),
            Keys = Numbers(3),
            Values = Numbers(3),
            Shots = [.. Enumerable.Range(0, Length).Select(i => i / 128)],
        };
    }

    /// <summary>Ends the threads.</summary>
    [GlobalCleanup]
    public void Free() => _workers.Dispose();

    /// <summary>The whole policy.</summary>
    [Benchmark]
    public TensorScores Run() => TensorScorer.Run(_policy, _input, 0, _workers);
}
