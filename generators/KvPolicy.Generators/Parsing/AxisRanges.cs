using System.Globalization;
using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Parsing;

/// <summary>What the numbers of axes may be: for declarations here, for instances in the code that is generated.</summary>
internal static class AxisRanges
{
    /// <summary>Most tokens, rows or chunk tokens that a number may name: no context is longer.</summary>
    public const int MostTokens = 1 << 20;

    /// <summary>Widest pool.</summary>
    public const int WidestPool = 4095;

    /// <summary>Faults of a class's own attributes.</summary>
    public static IEnumerable<Fault> Check(AxesModel axes) => Words(axes).Concat(Numbers(axes));

    // A cast makes any number an enum.
    private static IEnumerable<Fault> Words(AxesModel axes)
    {
        IEnumerable<Fault?> found =
        [
            Word(axes.Prefill?.Unit, WellKnownNames.PrefillAttribute), Word(axes.Prefill?.Outside, WellKnownNames.PrefillAttribute), Word(axes.Prefill?.Packing, WellKnownNames.PrefillAttribute),
            Word(axes.Decode?.Unit, WellKnownNames.DecodeAttribute), Word(axes.Decode?.Of, WellKnownNames.DecodeAttribute),
            Word(axes.Pool?.Pooling, WellKnownNames.PoolAttribute), Word(axes.Share?.Scope, WellKnownNames.ShareAttribute), Word(axes.Share?.Reduce, WellKnownNames.ShareAttribute),
        ];
        return found.Where(fault => fault is not null).Select(fault => fault!);
    }

    private static Fault? Word<T>(T? value, string attribute) where T : struct, Enum => Word(value, new Subject.Attribute(attribute));

    private static Fault? Word<T>(T? value, Subject subject) where T : struct, Enum
        => value is { } known && !Enum.IsDefined(typeof(T), known)
            ? Model.Fault.Of(DiagnosticIds.AxisOutOfRange, subject, typeof(T).Name, Literal.Text(Convert.ToInt32(known, CultureInfo.InvariantCulture)), string.Join(", ", Enum.GetNames(typeof(T))))
            : null;

    private static IEnumerable<Fault> Numbers(AxesModel axes)
    {
        if (axes.Prefill is { } prefill)
        {
            foreach (Fault fault in Budget(prefill.Budget, WellKnownNames.PrefillAttribute)) yield return fault;
            if (prefill.Chunk is not (null or (>= 1 and <= MostTokens)))
                yield return Fault(WellKnownNames.PrefillAttribute, "Chunk", Literal.Text(prefill.Chunk.Value), $"1 to {Literal.Text(MostTokens)}");
        }

        if (axes.Decode is { } decode)
        {
            foreach (Fault fault in Budget(decode.Budget, WellKnownNames.DecodeAttribute)) yield return fault;
        }

        if (axes.Pool is { } pool && (pool.Width is < 1 or > WidestPool || pool.Width % 2 == 0))
            yield return Fault(WellKnownNames.PoolAttribute, "Width", Literal.Text(pool.Width), $"odd, 1 to {Literal.Text(WidestPool)}");
        if (axes.Observe is { } observe && Observe(observe, new Subject.Attribute(WellKnownNames.ObserveAttribute)) is { } rows) yield return rows;
        foreach (Fault fault in Protect(axes.Protect)) yield return fault;
    }

    /// <summary>The fault of an [Observe], or null.</summary>
    public static Fault? Observe(ObserveAxis observe, Subject subject)
        => Word<Rows>(observe.Rows, subject) ?? Word<Reduce>(observe.Reduce, subject) ?? Count(observe, subject);

    /// <summary>The fault of a [Draw], or null.</summary>
    public static Fault? Draw(DrawAxis draw, Subject subject) => Word<Scope>(draw.Scope, subject) ?? Word<Unit>(draw.Unit, subject);

    private static Fault? Count(ObserveAxis observe, Subject subject)
        => observe.Rows == Rows.Last && observe.Count is < 1 or > MostTokens
            ? Model.Fault.Of(DiagnosticIds.AxisOutOfRange, subject, "the row count of [Observe(Rows.Last, n)]", Literal.Text(observe.Count), $"1 to {Literal.Text(MostTokens)}")
            : null;

    private static IEnumerable<Fault> Protect(ProtectAxis protect)
    {
        if (protect.Sinks is < 0 or > MostTokens)
            yield return Fault(WellKnownNames.ProtectAttribute, "Sinks", Literal.Text(protect.Sinks), $"0 to {Literal.Text(MostTokens)}");
        if (protect.Recent is not (null or (>= 0 and <= MostTokens)))
            yield return Fault(WellKnownNames.ProtectAttribute, "Recent", Literal.Text(protect.Recent.Value), $"0 to {Literal.Text(MostTokens)}");
        if (protect.RecentShare is not (null or (>= 0m and <= 1m)))
            yield return Fault(WellKnownNames.ProtectAttribute, "RecentShare", Shown(protect.RecentShare.Value), "0 to 1");
    }

    private static IEnumerable<Fault> Budget(BudgetModel budget, string attribute)
    {
        if (budget.Keep is not (null or (> 0m and <= 1m)))
            yield return Fault(attribute, "Keep", Shown(budget.Keep.Value), "above 0, at most 1 (the fraction that stays)");
        if (budget.Tokens is not (null or (>= 0 and <= MostTokens)))
            yield return Fault(attribute, "Tokens", Literal.Text(budget.Tokens.Value), $"0 to {Literal.Text(MostTokens)} (0 for none)");
    }

    private static string Shown(decimal value) => value < 0m ? "below 0 or not a number" : Literal.Text(value);

    private static Fault Fault(string attribute, string name, string value, string range)
        => Model.Fault.Of(DiagnosticIds.AxisOutOfRange, new Subject.Attribute(attribute), name, value, range);
}
