using KvPolicy.Inference.Generation;
using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Verification;

/// <summary>Point 4: at Keep 1 the ids are those of no policy; and, lest that hold because the policy never does anything, below 1 it does evict.</summary>
internal sealed class KeepOneEqualsNone : IDisposable
{
    private const string Point = "4 Keep 1 equals no policy";
    private const int Steps = 40;

    private readonly VerificationPrompt _prompt;
    private readonly TracedEngine _engine;
    private Trace? _none;

    /// <summary>Prepares the engine.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="maker">Makes the engine's stores; null for its own.</param>
    internal KeepOneEqualsNone(Model model, VerificationPrompt prompt, int threads, StoreMaker? maker = null)
        => (_prompt, _engine) = (prompt, new TracedEngine(model, threads, maker));

    /// <summary>Checks a policy.</summary>
    internal PointResult Check(VerifiedPolicy policy)
    {
        _none ??= Run(null);
        if (Run(policy.Create(1.0, 1.0)).DifferenceFrom(_none) is { } difference) return PointResult.Fail(Point, policy, $"at Keep 1: {difference}");
        IKvPolicy budgeted = policy.Create();
        if (budgeted.Plan.Prefill is null && budgeted.Plan.Decode is null) return PointResult.Ok(Point, policy, $"{Steps} ids; it never evicts, as declared");
        if (!ReceiptBuilder.Expected(budgeted.Plan, _prompt.Ids.Length, Steps, _prompt.Shots)) return PointResult.Ok(Point, policy, $"{Steps} ids; these budgets evict nothing");
        int held = Run(budgeted).Held[^1].Total, full = _none.Held[^1].Total;
        return held < full
            ? PointResult.Ok(Point, policy, $"{Steps} ids; at Keep {policy.Settings.Keep} it holds {held} of {full} keys")
            : PointResult.Fail(Point, policy, $"at Keep {policy.Settings.Keep} it still holds all {full} keys: nothing was evicted");
    }

    /// <inheritdoc/>
    public void Dispose() => _engine.Dispose();

    private Trace Run(IKvPolicy? policy) => _engine.Run(new TracedRun(_prompt.Ids, _prompt.Shots, policy, Steps));
}
