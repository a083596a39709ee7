using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KvPolicy.Inference.Sessions;

/// <summary>
/// What makes two instances of policies the same rule: the class's name, the plan, and the numbers that the passes were bound to (a pool's
/// width, a hook's parameters), which no plan shows.
/// </summary>
/// <param name="Name">Class name; empty for no policy.</param>
/// <param name="Plan">The plan's numbers.</param>
/// <param name="Passes">The bytes of the passes, hexadecimal.</param>
internal sealed record PolicyIdentity(string Name, string Plan, string Passes)
{
    /// <summary>No policy: a full cache.</summary>
    internal static PolicyIdentity None { get; } = new("", "", "");

    /// <summary>Of an instance, or of none.</summary>
    internal static PolicyIdentity Of(IKvPolicy? policy)
    {
        if (policy is null) return None;
        var reader = new PassReader();
        policy.Bind(ref reader);
        return new PolicyIdentity(policy.Plan.Name, Text(policy.Plan), reader.Bytes);
    }

    /// <summary>Name and budgets, for messages.</summary>
    internal static string Describe(string name, Budget? keep, Budget? decodeKeep)
    {
        if (name.Length == 0) return "no policy";
        string[] budgets = [.. new[] { keep is { } k ? $"keep {k}" : "", decodeKeep is { } d ? $"decode keep {d}" : "" }.Where(budget => budget.Length > 0)];
        return budgets.Length == 0 ? name : $"{name} ({string.Join(", ", budgets)})";
    }

    private static string Text(PolicyPlan plan)
    {
        PrefillPlan? p = plan.Prefill;
        DecodePlan? d = plan.Decode;
        string prefill = p is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{p.Budget},{p.Unit},{p.Chunk},{p.Outside},{p.Packing},{p.Rows},{p.Pools}");
        string decode = d is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{d.Budget},{d.Of},{d.ProtectNewest},{d.ReadsAttention},{d.NeedsPrefillState}");
        return string.Create(CultureInfo.InvariantCulture, $"{prefill};{decode};{plan.Share},{plan.Sinks},{plan.Recent},{plan.RecentShare},{plan.HasState}");
    }

    private struct PassReader : IPassBinder
    {
        public string Bytes { get; private set; }

        public void Use<TPrefill, TDecode>(TPrefill prefill, TDecode decode)
            where TPrefill : struct, IPrefillPasses
            where TDecode : struct, IDecodePasses
            => Bytes = $"{BytesOf(prefill)}.{BytesOf(decode)}";

        // An empty struct has one byte that means nothing; passes written by hand may hold objects, whose addresses mean nothing.
        private static string BytesOf<T>(T passes) where T : struct
            => RuntimeHelpers.IsReferenceOrContainsReferences<T>() || Unsafe.SizeOf<T>() < sizeof(int) ? "" : Convert.ToHexStringLower(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in passes)));
    }
}
