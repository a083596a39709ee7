namespace KvPolicy.Generators.Model;

// Mirrors of the enums in KvPolicy, value for value; a test compares each with its type.
internal enum Unit { Token, Chunk, Shot }

internal enum Rows { Last, All, Current }

internal enum Reduce { Default, Mean, Sum }

internal enum Pooling { Average, Max }

internal enum Scope { Head, Layer, Model }

internal enum Base { Prompt, Generated, All }

internal enum Outside { KeepAndCount, KeepFree }

internal enum Packing { Stop, Skip }

/// <summary>[Prefill].</summary>
/// <param name="Unit">What competes.</param>
/// <param name="Budget">What stays.</param>
/// <param name="Chunk">Tokens of a chunk; null where not given.</param>
/// <param name="Outside">Tokens outside shots; null where not given.</param>
/// <param name="Packing">First shot that does not fit; null where not given.</param>
internal sealed record PrefillAxis(Unit Unit, BudgetModel Budget, int? Chunk, Outside? Outside, Packing? Packing);

/// <summary>[Decode].</summary>
/// <param name="Unit">What competes.</param>
/// <param name="Budget">What stays.</param>
/// <param name="Of">What the budget is a fraction of.</param>
internal sealed record DecodeAxis(Unit Unit, BudgetModel Budget, Base Of);

/// <summary>A budget as declared: neither is set where the attribute names none.</summary>
/// <param name="Keep">Fraction that stays, as the decimal that was written; null where not given, -1 for a number that no decimal holds (NaN).</param>
/// <param name="Tokens">Number of tokens; null where not given.</param>
internal sealed record BudgetModel(decimal? Keep, int? Tokens)
{
    public bool IsDeclared => Keep is not null || Tokens is > 0;
}

/// <summary>[Observe], on the class or on a parameter.</summary>
/// <param name="Rows">Which queries.</param>
/// <param name="Count">How many of <see cref="Rows.Last"/>; 0 where not given.</param>
/// <param name="Reduce">How rows become one value.</param>
internal sealed record ObserveAxis(Rows Rows, int Count, Reduce Reduce);

/// <summary>[Draw], on a parameter.</summary>
/// <param name="Scope">Who draws the same number.</param>
/// <param name="Unit">What has one number.</param>
internal sealed record DrawAxis(Scope Scope, Unit Unit)
{
    /// <summary>Without the attribute: each layer, KV head and token has its own.</summary>
    public static readonly DrawAxis Own = new(Scope.Head, Unit.Token);
}

/// <summary>[Pool].</summary>
/// <param name="Pooling">The reduction.</param>
/// <param name="Width">Keys that meet in one score.</param>
internal sealed record PoolAxis(Pooling Pooling, int Width);

/// <summary>[Share].</summary>
/// <param name="Scope">Who has the same kept set.</param>
/// <param name="Reduce">How heads become one.</param>
internal sealed record ShareAxis(Scope Scope, Reduce Reduce);

/// <summary>[Protect].</summary>
/// <param name="Sinks">First tokens.</param>
/// <param name="Recent">Newest tokens; null where not given.</param>
/// <param name="RecentShare">Newest tokens as a share of the budget; null where not given, -1 for NaN.</param>
internal sealed record ProtectAxis(int Sinks, int? Recent, decimal? RecentShare);
