using KvPolicy.Generators.Helpers;

namespace KvPolicy.Generators.Model;

/// <summary>When a hook is called.</summary>
internal enum Phase { Prefill, Decode }

/// <summary>A hook.</summary>
/// <param name="Name">Score, ScorePrefill, ScoreDecode.</param>
/// <param name="Parameters">In the order of the declaration.</param>
internal sealed record HookModel(string Name, EquatableArray<HookParameter> Parameters)
{
    public IEnumerable<SignalParameter> Signals => Parameters.OfType<SignalParameter>();

    public IEnumerable<HyperParameter> HyperParameters => Parameters.OfType<HyperParameter>();

    /// <summary>Who draws the hook's random number, or null where it reads none.</summary>
    public DrawAxis? Draw => Signals.FirstOrDefault(signal => signal.Signal == Signal.Random) is { } random ? random.Draw ?? DrawAxis.Own : null;

    /// <summary>The hook's view of attention, or null where it reads none.</summary>
    public SignalParameter? Attention => Signals.FirstOrDefault(signal => signal.Signal == Signal.Attention);
}

/// <summary>A parameter of a hook: what it reads, or a number that can be set.</summary>
internal abstract record HookParameter(string Name);

/// <summary>A parameter that reads a signal.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Signal">The signal.</param>
/// <param name="Observe">The parameter's own [Observe].</param>
/// <param name="Draw">The parameter's [Draw].</param>
internal sealed record SignalParameter(string Name, Signal Signal, ObserveAxis? Observe, DrawAxis? Draw = null) : HookParameter(Name);

/// <summary>A parameter with a default: a number of the policy.</summary>
/// <param name="Name">Its name, also in --set.</param>
/// <param name="IsInteger">int; otherwise float.</param>
/// <param name="Default">The paper's value.</param>
/// <param name="Minimum">Least value allowed.</param>
/// <param name="Maximum">Greatest value allowed.</param>
/// <param name="Summary">One line from the hook's documentation, or empty.</param>
internal sealed record HyperParameter(string Name, bool IsInteger, double Default, double Minimum, double Maximum, string Summary) : HookParameter(Name);

/// <summary>What a hook can read.</summary>
internal enum Signal { Attention, KeyNorm, ValueNorm, Position, Length, Layer, Layers, Head, Random }
