using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Verification;

/// <summary>Point 5: a sequence gives the same whether another one ran before it on the same engine, or none.</summary>
internal sealed class StateStaysHome
{
    private const string Point = "5 no state leaks between sequences";
    private const int Steps = 24;

    private readonly VerificationPrompt _before;
    private readonly VerificationPrompt _prompt;
    private readonly Func<StoreMaker?, TracedEngine> _engine;
    private readonly Func<StoreMaker>? _maker;

    /// <summary>Prepares the check.</summary>
    /// <param name="model">The model.</param>
    /// <param name="before">The sequence that runs first.</param>
    /// <param name="prompt">The sequence that is judged.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="maker">Makes a stores' maker for each engine on which two sequences run; null for the engine's own stores.</param>
    internal StateStaysHome(Model model, VerificationPrompt before, VerificationPrompt prompt, int threads, Func<StoreMaker>? maker = null)
    {
        (_before, _prompt, _maker) = (before, prompt, maker);
        _engine = stores => new TracedEngine(model, threads, stores);
    }

    /// <summary>Checks a policy.</summary>
    internal PointResult Check(VerifiedPolicy policy)
    {
        using TracedEngine single = _engine(null), shared = _engine(_maker?.Invoke());
        Trace alone = Run(single, policy, _prompt);
        Run(shared, policy, _before);
        return Run(shared, policy, _prompt).DifferenceFrom(alone) is { } difference
            ? PointResult.Fail(Point, policy, $"after another sequence: {difference}")
            : PointResult.Ok(Point, policy, $"{Steps} steps after another sequence: equal to the bit");
    }

    private static Trace Run(TracedEngine engine, VerifiedPolicy policy, VerificationPrompt prompt) => engine.Run(new TracedRun(prompt.Ids, prompt.Shots, policy.Create(), Steps));
}
