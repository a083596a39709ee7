namespace KvPolicy.Runtime.Tests;

/// <summary>Plans of the shapes that policies have.</summary>
internal static class Plans
{
    public static PolicyPlan Prefill(Budget keep, Unit unit = Unit.Token, Scope share = Scope.Head, int sinks = 0, int recent = 0, bool pools = false)
        => new() { Name = "Scripted", Share = share, Sinks = sinks, Recent = recent, Prefill = new() { Budget = keep, Unit = unit, Chunk = 10, Pools = pools } };

    public static PolicyPlan Shots(Budget keep, Outside outside = Outside.KeepAndCount, Packing packing = Packing.Stop, int sinks = 0, Scope share = Scope.Layer)
        => new() { Name = "Scripted", Share = share, Sinks = sinks, Prefill = new() { Budget = keep, Unit = Unit.Shot, Outside = outside, Packing = packing } };

    public static PolicyPlan Decode(Budget prefill, Budget decode, Base of, Scope share = Scope.Head, int sinks = 0, int recent = 0, bool newest = true)
        => new()
        {
            Name = "Scripted",
            Share = share,
            Sinks = sinks,
            Recent = recent,
            Prefill = new() { Budget = prefill },
            Decode = new() { Budget = decode, Of = of, ProtectNewest = newest },
        };
}
