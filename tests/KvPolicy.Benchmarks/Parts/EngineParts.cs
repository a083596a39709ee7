using BenchmarkDotNet.Attributes;
using KvPolicy.Inference;
using KvPolicy.Inference.Engine;
using KvPolicy.Policies;

namespace KvPolicy.Benchmarks.Parts;

/// <summary>Prefill and decode of the embedded model, with a policy and without.</summary>
[MemoryDiagnoser]
public class EngineParts
{
    private const int Prompt = 512;
    private const int Steps = 256;
    private InferenceEngine _engine = null!;
    private Sequence? _sequence;
    private int[] _ids = [];

    /// <summary>The policies; <c>none</c> is the full cache.</summary>
    public static IEnumerable<string> Policies => Catalog.All.Select(p => p.Name).Where(name => name != "KeepAll").Prepend("none");

    /// <summary>Policy.</summary>
    [ParamsSource(nameof(Policies))]
    public string Policy { get; set; } = "none";

    /// <summary>Loads the model.</summary>
    [GlobalSetup]
    public void Load()
    {
        _engine = InferenceEngine.Load("embedded", new EngineOptions("cpu"));
        var random = new Random(1);
        _ids = [1, .. Enumerable.Range(0, Prompt - 1).Select(_ => random.Next(600, 1100))];
    }

    /// <summary>Frees it.</summary>
    [GlobalCleanup]
    public void Free()
    {
        _sequence?.Dispose();
        _engine.Dispose();
    }

    /// <summary>512 tokens, compressed to a quarter.</summary>
    [Benchmark]
    public void Prefill()
    {
        using Sequence sequence = Begin(0);
        sequence.Prefill(_ids);
    }

    /// <summary>A sequence to decode from.</summary>
    [IterationSetup(Target = nameof(Decode))]
    public void Prepare()
    {
        _sequence?.Dispose();
        _sequence = Begin(Steps);
        _sequence.Prefill(_ids);
    }

    /// <summary>256 steps after them.</summary>
    [Benchmark(OperationsPerInvoke = Steps)]
    public void Decode()
    {
        for (int i = 0; i < Steps; i++) _sequence!.Decode(_ids[i]);
    }

    private Sequence Begin(int more)
    {
        IKvPolicy? policy = Policy == "none" ? null : Catalog.All.Single(p => p.Name == Policy).Create(new PolicySettings { Keep = 0.25 });
        int[] shots = [.. Enumerable.Range(0, Prompt).Select(i => i / 32)];
        return _engine.Begin(new PromptRequest { Prompt = _ids, Shots = shots, Policy = policy }, more);
    }
}
