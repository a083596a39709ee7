namespace KvPolicy;

/// <summary>Marks a partial class as the declaration of a KV-cache compression policy.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class KvPolicyAttribute : Attribute;

/// <summary>The prompt's cache is compressed once, after the prefill.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class PrefillAttribute(Unit unit = Unit.Token) : Attribute
{
    /// <summary>What competes.</summary>
    public Unit Unit { get; } = unit;

    /// <summary>Fraction of the prompt that stays, in (0, 1]. 1 keeps everything.</summary>
    public float Keep { get; set; } = 1f;

    /// <summary>Tokens that stay per layer and KV head, instead of a fraction; 0 for none.</summary>
    public int Tokens { get; set; }

    /// <summary>Tokens of a chunk (<see cref="Unit.Chunk"/>).</summary>
    public int Chunk { get; set; } = 10;

    /// <summary>Tokens outside shots (<see cref="Unit.Shot"/>).</summary>
    public Outside Outside { get; set; }

    /// <summary>What the first shot that does not fit ends (<see cref="Unit.Shot"/>).</summary>
    public Packing Packing { get; set; }
}

/// <summary>The cache is compressed while decoding: each step appends, attends, then evicts for good.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DecodeAttribute(Unit unit = Unit.Token) : Attribute
{
    /// <summary>What competes; only <see cref="Unit.Token"/> today.</summary>
    public Unit Unit { get; } = unit;

    /// <summary>Fraction of <see cref="Of"/> that stays, in (0, 1]; under <see cref="Base.Prompt"/> the prefill's own budget where neither this nor <see cref="Tokens"/> is given.</summary>
    public float Keep { get; set; } = 1f;

    /// <summary>Tokens that stay instead of a fraction; 0 for none.</summary>
    public int Tokens { get; set; }

    /// <summary>What <see cref="Keep"/> is a fraction of.</summary>
    public Base Of { get; set; }
}

/// <summary>Which queries attention is read from: on the class for all hooks, on a parameter for one.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Parameter, Inherited = false)]
public sealed class ObserveAttribute(Rows rows, int count = 0) : Attribute
{
    /// <summary>The queries.</summary>
    public Rows Rows { get; } = rows;

    /// <summary>How many (<see cref="Rows.Last"/>).</summary>
    public int Count { get; } = count;

    /// <summary>How the rows become one value.</summary>
    public Reduce Reduce { get; set; }
}

/// <summary>Who draws the same number of the signal <c>random</c>. Without it each layer, KV head and token has its own.</summary>
[AttributeUsage(AttributeTargets.Parameter, Inherited = false)]
public sealed class DrawAttribute(Scope scope, Unit unit = Unit.Token) : Attribute
{
    /// <summary>Each KV head on its own, all heads of a layer alike, or all layers alike.</summary>
    public Scope Scope { get; } = scope;

    /// <summary>What has one number: each token, or each shot (where shots compete), however long it is.</summary>
    public Unit Unit { get; } = unit;
}

/// <summary>Scores of competing keys take their neighbours in.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class PoolAttribute(Pooling pooling, int width) : Attribute
{
    /// <summary>The reduction.</summary>
    public Pooling Pooling { get; } = pooling;

    /// <summary>Keys that meet in one score; odd.</summary>
    public int Width { get; } = width;
}

/// <summary>Who has the same kept set. Without it each KV head has its own and its query group is averaged.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ShareAttribute(Scope scope, Reduce reduce = Reduce.Sum) : Attribute
{
    /// <summary>The layer, or (shots only) the model.</summary>
    public Scope Scope { get; } = scope;

    /// <summary>How the heads' values become one. Under <see cref="Scope.Model"/> the scores of the layers are added up.</summary>
    public Reduce Reduce { get; } = reduce;
}

/// <summary>Tokens that do not compete and always stay; together never more than the budget, sinks first.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ProtectAttribute : Attribute
{
    /// <summary>First tokens of the sequence.</summary>
    public int Sinks { get; set; }

    /// <summary>Newest held tokens.</summary>
    public int Recent { get; set; }

    /// <summary>Newest tokens as a share of the budget, in [0, 1]; <see cref="Recent"/> overrides it where both are given.</summary>
    public float RecentShare { get; set; }
}

/// <summary>A partial static class that the generator fills with every policy of the assembly: <c>All</c>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class PolicyCatalogAttribute : Attribute;
