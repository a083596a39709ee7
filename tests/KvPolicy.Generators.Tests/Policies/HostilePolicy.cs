namespace KvPolicy.Generators.Tests.Policies.Hostile;

#pragma warning disable CA1812 // They exist to be in the way.
internal sealed class Math;

internal sealed class MathF;

internal sealed class Index2D;

internal sealed class Kernels;

internal sealed class KeyTile;

internal sealed class Accelerator;
#pragma warning restore CA1812

/// <summary>Stands among types that are named like those of generated code.</summary>
[KvPolicy, Prefill(Keep = 0.5f), Observe(Rows.Last, 4), Pool(Pooling.Max, 3)]
internal sealed partial class HostilePolicy
{
    internal static float Score(float attention) => attention;
}
