using System.Globalization;
using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Generation;

/// <summary>Gathers a receipt while a sequence runs.</summary>
internal sealed class ReceiptBuilder
{
    private readonly Sequence _sequence;
    private readonly PromptRequest _request;
    private readonly ModelConfig _config;
    private readonly IReadOnlyList<IReadOnlyList<int>> _kept;
    private readonly long _afterPrefill;
    private readonly double _compressSeconds;
    private readonly int _prompt;

    /// <summary>Reads the state after the prefill.</summary>
    internal ReceiptBuilder(Sequence sequence, PromptRequest request, ModelConfig config)
    {
        (_sequence, _request, _config, _prompt) = (sequence, request, config, sequence.Length);
        _kept = Held();
        _afterPrefill = sequence.Store.BytesInUse;
        _compressSeconds = sequence.Store.CompressSeconds;
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
        if (_request.Policy is { } policy && Expected(policy.Plan, _prompt, steps, _request.Shots) && !store.Kernels.Any(kernel => kernel.Launches > 0))
            throw new InvalidOperationException($"{policy.Plan.Name} did not run although its budget is below the {_sequence.Length} tokens: nothing was compressed.");
        long full = 2L * sizeof(float) * _sequence.Length * _config.Layers * _config.KvHeads * _config.HeadDim;
        double prefill = _sequence.PrefillSeconds;
        return new Receipt
        {
            Device = device,
            Policy = _request.Policy is null ? null : new PolicyReceipt(_request.Policy.Plan.Name, Parameters(_request.Policy)),
            Kernels = store.Kernels,
            Kept = _kept,
            KeptEnd = Held(),
            CacheBytes = new CacheBytes(full, _afterPrefill, store.BytesInUse, store.PeakBytes),
            Seconds = new StageSeconds(loadSeconds, Math.Max(0, prefill - _compressSeconds), _compressSeconds, decodeSeconds),
            TokensPerSecond = new TokenRates(Rate(_sequence.Length - decoded, prefill), Rate(decoded, decodeSeconds)),
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

    private SortedDictionary<string, string> Parameters(IKvPolicy policy)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (ParameterInfo parameter in policy.Info.Parameters) values[parameter.Name] = parameter.Default;
        foreach ((string name, string value) in _request.PolicyParameters) values[name] = Invariant(value);
        if (policy.Plan.Prefill is { } prefill) values["keep"] = prefill.Budget.ToString();
        if (policy.Plan.Decode is { } decode) values["decodeKeep"] = decode.Budget.ToString();
        return values;
    }

    // "+07" says 7; words stay as they are.
    private static string Invariant(string value)
        => int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) ? number.ToString(CultureInfo.InvariantCulture) : value;

    private int[][] Held()
        => [.. Enumerable.Range(0, _config.Layers).Select(layer => Enumerable.Range(0, _config.KvHeads).Select(head => _sequence.Store.Held(layer, head)).ToArray())];

    private static double Rate(int tokens, double seconds) => tokens > 0 && seconds > 0 ? tokens / seconds : 0;
}
