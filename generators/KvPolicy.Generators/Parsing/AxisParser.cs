using System.Globalization;
using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Parsing;

/// <summary>Reads the axes from a class's attributes. What their numbers may be is checked by <see cref="AxisRanges"/>.</summary>
internal static class AxisParser
{
    public static AxesModel Parse(INamedTypeSymbol type) => new(
        Prefill(AttributeReader.Find(type, WellKnownNames.PrefillAttribute)),
        Decode(AttributeReader.Find(type, WellKnownNames.DecodeAttribute)),
        Observe(type),
        Pool(AttributeReader.Find(type, WellKnownNames.PoolAttribute)),
        Share(AttributeReader.Find(type, WellKnownNames.ShareAttribute)),
        Protect(AttributeReader.Find(type, WellKnownNames.ProtectAttribute)));

    /// <summary>[Observe] of a class or of a parameter.</summary>
    public static ObserveAxis? Observe(ISymbol symbol)
        => AttributeReader.Find(symbol, WellKnownNames.ObserveAttribute) is { } read
            ? new ObserveAxis((Rows)read.Argument(0, 0), read.Argument(1, 0), (Reduce)(read.Named<int>("Reduce") ?? 0))
            : null;

    /// <summary>[Draw] of a parameter.</summary>
    public static DrawAxis? Draw(ISymbol symbol)
        => AttributeReader.Find(symbol, WellKnownNames.DrawAttribute) is { } read ? new DrawAxis((Scope)read.Argument(0, 0), (Unit)read.Argument(1, 0)) : null;

    private static PrefillAxis? Prefill(AttributeReader? found)
        => found is { } read
            ? new PrefillAxis((Unit)read.Argument(0, 0), Budget(read), read.Named<int>("Chunk"), (Outside?)read.Named<int>("Outside"), (Packing?)read.Named<int>("Packing"))
            : null;

    private static DecodeAxis? Decode(AttributeReader? found)
        => found is { } read ? new DecodeAxis((Unit)read.Argument(0, 0), Budget(read), (Base)(read.Named<int>("Of") ?? 0)) : null;

    private static PoolAxis? Pool(AttributeReader? found)
        => found is { } read ? new PoolAxis((Pooling)read.Argument(0, 0), read.Argument(1, 0)) : null;

    private static ShareAxis? Share(AttributeReader? found)
        => found is { } read ? new ShareAxis((Scope)read.Argument(0, 0), (Reduce)read.Argument(1, (int)Reduce.Sum)) : null;

    private static ProtectAxis Protect(AttributeReader? found)
        => found is { } read
            ? new ProtectAxis(read.Named<int>("Sinks") ?? 0, read.Named<int>("Recent"), Decimal(read.Named<float>("RecentShare")))
            : new ProtectAxis(0, null, null);

    private static BudgetModel Budget(AttributeReader read) => new(Decimal(read.Named<float>("Keep")), read.Named<int>("Tokens"));

    // The shortest text of a float is what was written: 0.1f is 0.1. (A cast would keep seven digits of it.)
    private static decimal? Decimal(float? value) => value switch
    {
        null => null,
        { } number when number is >= -1e6f and <= 1e6f => decimal.Parse(Literal.Text(number), NumberStyles.Float, CultureInfo.InvariantCulture),
        _ => -1m,
    };
}
