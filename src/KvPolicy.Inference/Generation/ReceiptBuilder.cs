using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Generation;

/// <summary>Where a sequence stood before what a receipt tells of.</summary>
/// <param name="Length">Tokens that had gone through the cache.</param>
/// <param name="PrefillSeconds">Of <see cref="Sequence.PrefillSeconds"/>.</param>
/// <param name="CompressSeconds">Of the policy's passes.</param>
/// <param name="Kernels">Passes that had run.</param>
internal sealed record TurnStart(int Length, double PrefillSeconds, double CompressSeconds, IReadOnlyList<KernelCount> Kernels)
{
    /// <summary>Tokens when everything was last brought to the prompt's budget, where the turn has decode steps alone.</summary>
    public int? Prompt { get; init; }

    /// <summary>A sequence that begins.</summary>
    internal static TurnStart Nothing { get; } = new(0, 0, 0, []);

    /// <summary>A sequence as it is now.</summary>
    internal static TurnStart Of(Sequence sequence) => new(sequence.Length, sequence.PrefillSeconds, sequence.Store.CompressSeconds, sequence.Store.Kernels);

    /// <summary>Passes that ran since.</summary>
    internal IReadOnlyList<KernelCount> Since(IReadOnlyList<KernelCount> now)
        => [.. now.Select(kernel => kernel with { Launches = kernel.Launches - (Kernels.FirstOrDefault(before => before.Name == kernel.Name)?.Launches ?? 0) }).Where(kernel => kernel.Launches > 0)];
}

/// <summary>Gathers a receipt while a sequence runs.</summary>
internal sealed class ReceiptBuilder
{
    private readonly Sequence _sequence;
    private readonly PromptRequest _request;
    private readonly TurnStart _start;
    private readonly ModelConfig _config;
    private readonly IReadOnlyList<IReadOnlyList<int>> _kept;
    private readonly int[][] _frozen;   // [layer][KV head] tokens of the prompt that do not compete while decoding; empty where they do
    private readonly long _afterPrefill;
    private readonly double _compressSeconds;
    private readonly int _prompt;

    /// <summary>Reads the state after the prefill.</summary>
    /// <param name="sequence">After its prefill, or after the new rows of a turn.</param>
    /// <param name="request">Policy, its parameters, and shots of the whole sequence.</param>
    /// <param name="config">Of the model.</param>
    /// <param name="start">Where the sequence stood before the turn; null for its beginning.</param>
    internal ReceiptBuilder(Sequence sequence, PromptRequest request, ModelConfig config, TurnStart? start = null)
    {
        (_sequence, _request, _config, _prompt, _start) = (sequence, request, config, sequence.Length, start ?? TurnStart.Nothing);
        _kept = Held();
        _afterPrefill = sequence.Store.BytesInUse;
        _compressSeconds = sequence.Store.CompressSeconds - _start.CompressSeconds;
        _frozen = _start.Prompt is { } prompt && request.Policy?.Plan.Decode is { Of: Base.Generated } ? Each((layer, head) => sequence.Store.Positions(layer, head).Count(position => position < prompt)) : [];
    }

    /// <summary>The receipt after the last step.</summary>
    /// <exception cref="InvalidOperationException">There was something to evict, and no pass of the policy ran.</exception>
    /// <param name="device">Where it ran.</param>
    /// <param name="loadSeconds">Loading the model.</param>
    /// <param name="decoded">Tokens that were decoded one by one after the prompt.</param>
    /// <param name="decodeSeconds">Their time.</param>
    /// <param name="deviceNote">What the device has to say, or nothing.</param>
    internal Receipt Finish(string device, double loadSeconds, int decoded, double decodeSeconds, string deviceNote)
    {
        SequenceStore store = _sequence.Store;
        int steps = _sequence.Length - _prompt;
        IReadOnlyList<KernelCount> kernels = _start.Since(store.Kernels);
        if (_request.Policy is { } policy && (_start.Prompt is { } prompt ? StepsHadToEvict(policy.Plan, prompt, steps) : Expected(policy.Plan, _prompt, steps, _request.Shots)) && kernels.Count == 0)
            throw new InvalidOperationException($"{policy.Plan.Name} did not run although its budget is below the {_sequence.Length} tokens: nothing was compressed.");
        long full = 2L * sizeof(float) * _sequence.Length * _config.Layers * _config.KvHeads * _config.HeadDim;
        double prefill = _sequence.PrefillSeconds - _start.PrefillSeconds;
        return new Receipt
        {
            Device = device,
            Policy = _request.Policy is null ? null : new PolicyReceipt(_request.Policy.Plan.Name, Parameters(_request.Policy)),
            Kernels = kernels,
            Kept = _kept,
            KeptEnd = Held(),
            CacheBytes = new CacheBytes(full, _afterPrefill, store.BytesInUse, store.PeakBytes),
            Seconds = new StageSeconds(loadSeconds, Math.Max(0, prefill - _compressSeconds), _compressSeconds, decodeSeconds),
            TokensPerSecond = new TokenRates(Rate(_sequence.Length - decoded - _start.Length, prefill), Rate(decoded, decodeSeconds)),
            Notes = deviceNote.Length == 0 ? store.Notes : [deviceNote, .. store.Notes],
        };
    }

    /// <summary>True where the plan's budgets leave out some token of the run, so that its passes must have run.</summary>
    internal static bool Expected(PolicyPlan plan, int prompt, int steps, IReadOnlyList<int> shots)
    {
        bool prefill = plan.Prefill is { } p && !p.Budget.KeepsAll && p.Budget.FloorOf(prompt) < prompt && (p.Unit != Unit.Shot || shots.Any(shot => shot >= 0));
        bool decode = steps > 0 && plan.Decode is { } d && !d.Budget.KeepsAll && d.Of switch
        {
            Base.Prompt => d.Budget.FloorOf(prompt) < prompt + steps,
            Base.Generated => d.Budget.CeilingOf(steps) < steps,
            _ => d.Budget.FloorOf(prompt + steps) < prompt + steps,
        };
        return prefill || decode;
    }

    private static SortedDictionary<string, string> Parameters(IKvPolicy policy)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, string value) in policy.Parameters) values[name] = value;
        if (policy.Plan.Prefill is { } prefill) values["keep"] = prefill.Budget.ToString();
        if (policy.Plan.Decode is { } decode) values["decodeKeep"] = decode.Budget.ToString();
        return values;
    }

    /// <summary>True where decode steps alone would have left some head above its budget.</summary>
    private bool StepsHadToEvict(PolicyPlan plan, int prompt, int steps)
    {
        var rules = new CompressionRules(plan, new PromptShape(prompt, []));
        if (steps == 0 || rules.Decode is null) return false;
        int budget = rules.DecodeBudget(_sequence.Length);
        return Enumerable.Range(0, _config.Layers).Any(layer => Enumerable.Range(0, _config.KvHeads).Any(head => _kept[layer][head] + steps > budget + (_frozen.Length > 0 ? _frozen[layer][head] : 0)));
    }

    private int[][] Held() => Each(_sequence.Store.Held);

    private int[][] Each(Func<int, int, int> ofHead)
        => [.. Enumerable.Range(0, _config.Layers).Select(layer => Enumerable.Range(0, _config.KvHeads).Select(head => ofHead(layer, head)).ToArray())];

    private static double Rate(int tokens, double seconds) => tokens > 0 && seconds > 0 ? tokens / seconds : 0;
}
