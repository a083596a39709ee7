using KvPolicy.Inference;
using KvPolicy.Inference.Engine;

namespace KvPolicy.Benchmarks.Peers;

/// <summary>This engine on the processor, with a policy or without.</summary>
internal sealed class KvPolicyPeer : IPeer
{
    private readonly InferenceEngine _engine;
    private readonly IKvPolicy? _policy;
    private int _capacity;
    private Sequence? _sequence;

    internal KvPolicyPeer(string path, int threads, IKvPolicy? policy)
    {
        _policy = policy;
        _engine = InferenceEngine.Load(path, new EngineOptions("cpu", threads));
    }

    public string Name => _policy is null ? "KvPolicy" : $"KvPolicy, {_policy.Info.Name} {_policy.Plan.Prefill?.Budget}";

    /// <summary>Ids of a text, as both sides are fed.</summary>
    internal int[] Tokenize(string text) => [.. _engine.Tokenizer.Encode(text, new(ParseSpecial: false, AddSpecial: true)).Select(t => t.Id)];

    /// <summary>Ids of the vocabulary.</summary>
    internal int Vocabulary => _engine.Model.Config.VocabularySize;

    /// <summary>Longest sequence.</summary>
    internal int Context => _engine.Model.Config.ContextLength;

    public void Begin(int capacity)
    {
        _sequence?.Dispose();
        (_sequence, _capacity) = (null, capacity);
    }

    public int Prefill(ReadOnlySpan<int> ids)
    {
        int[] prompt = ids.ToArray();
        _sequence = _engine.Begin(new PromptRequest { Prompt = prompt, Policy = _policy }, _capacity - prompt.Length);
        return Largest(_sequence.Prefill(prompt));
    }

    public int Decode(int id) => Largest((_sequence ?? throw new InvalidOperationException("No prompt was prefilled.")).Decode(id));

    public void Dispose()
    {
        _sequence?.Dispose();
        _engine.Dispose();
    }

    private static int Largest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best]) best = i;
        }

        return best;
    }
}
