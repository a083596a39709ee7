using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Planning;

/// <summary>What is generated for a policy: both lowerings and the readable plan are written from it.</summary>
/// <param name="Model">The declaration.</param>
/// <param name="Settings">Numbers that an instance can set, in the order of documentation.</param>
/// <param name="Prefill">Score pass after the prefill, or null.</param>
/// <param name="Pool">Pool pass, or null.</param>
/// <param name="Decode">Score pass of a decode step, or null.</param>
internal sealed record KernelPlan(PolicyModel Model, EquatableArray<Setting> Settings, TilePass? Prefill, PoolPass? Pool, TilePass? Decode)
{
    public Setting? Find(string name) => Settings.FirstOrDefault(setting => setting.Name == name);
}

/// <summary>One walk over the key tiles, with everything fused that a key's score needs of its own tile.</summary>
/// <param name="Phase">When it runs.</param>
/// <param name="Scope">Head: one score a key and KV head. Else one a key.</param>
/// <param name="Stages">In order; each leaves a named value per key of the tile.</param>
internal sealed record TilePass(Phase Phase, Scope Scope, EquatableArray<Stage> Stages)
{
    public HookStage? Hook => Stages.OfType<HookStage>().FirstOrDefault();

    public IEnumerable<ObserveStage> Observations => Stages.OfType<ObserveStage>();

    public bool ReadsKeys => Stages.Any(stage => stage is ObserveStage or NormStage { OfValues: false });

    public bool ReadsValues => Stages.Any(stage => stage is NormStage { OfValues: true });

    public bool ReadsPositions => Stages.Any(stage => stage is DrawStage) || Hook?.Arguments.Any(argument => argument is HookArgument.Position) == true;

    public bool Draws => Stages.Any(stage => stage is DrawStage);

    public bool HasState => Stages.Any(stage => stage is StateStage);
}

/// <summary>The pool pass: it reads neighbours, so it cannot share the walk over tiles.</summary>
internal sealed record PoolPass;

/// <summary>One fused loop nest of a pass.</summary>
/// <param name="Name">Name of the value per key that it leaves, also in the generated code.</param>
internal abstract record Stage(string Name);

/// <summary>Softmax of observed prompt queries over the tile's keys, reduced over rows and heads.</summary>
/// <param name="Name">Name.</param>
/// <param name="Rows">Last or All.</param>
/// <param name="MeanOfRows">Mean over the rows used; otherwise their sum.</param>
/// <param name="MeanOfHeads">Mean over the heads reduced; otherwise their sum.</param>
internal sealed record ObserveStage(string Name, Rows Rows, bool MeanOfRows, bool MeanOfHeads) : Stage(Name);

/// <summary>This decode step's probabilities, reduced over heads.</summary>
internal sealed record ProbabilityStage(string Name, bool MeanOfHeads) : Stage(Name);

/// <summary>Norms of the tile's keys or values, reduced over KV heads where the set is shared.</summary>
internal sealed record NormStage(string Name, bool OfValues, bool MeanOfHeads) : Stage(Name);

/// <summary>A number in [0, 1) hashed from seed, layer, head and position or shot.</summary>
/// <param name="Name">Name.</param>
/// <param name="Scope">Head: each KV head draws its own (each layer where the set is shared). Layer: each layer. Model: all draw the same.</param>
/// <param name="OfShots">True where a shot's tokens have one number; otherwise each position has its own.</param>
internal sealed record DrawStage(string Name, Scope Scope, bool OfShots) : Stage(Name);

/// <summary>Adds an earlier stage's value to the key's state; its value is the total.</summary>
/// <param name="Name">Name.</param>
/// <param name="Input">The stage added.</param>
/// <param name="OnlyWhenAll">True where the instance may observe fewer rows (rows=N), which then need no state.</param>
internal sealed record StateStage(string Name, string Input, bool OnlyWhenAll) : Stage(Name);

/// <summary>An earlier stage's value over the number of queries so far.</summary>
/// <param name="Name">Name.</param>
/// <param name="Input">The stage divided.</param>
/// <param name="OnlyWhenAll">As for <see cref="StateStage"/>: fewer rows have their mean already.</param>
internal sealed record PerQueryStage(string Name, string Input, bool OnlyWhenAll) : Stage(Name);

/// <summary>The author's hook for each key.</summary>
/// <param name="Hook">Its name.</param>
/// <param name="Arguments">In the order of its parameters.</param>
internal sealed record HookStage(string Hook, EquatableArray<HookArgument> Arguments) : Stage("score");

/// <summary>An argument of the hook's call.</summary>
internal abstract record HookArgument
{
    /// <summary>Value of an earlier stage, per key.</summary>
    public sealed record OfStage(string Name) : HookArgument;

    /// <summary>The key's position.</summary>
    public sealed record Position : HookArgument;

    /// <summary>Tokens of the sequence.</summary>
    public sealed record Length : HookArgument;

    /// <summary>Index of the layer.</summary>
    public sealed record Layer : HookArgument;

    /// <summary>Layers of the model.</summary>
    public sealed record Layers : HookArgument;

    /// <summary>Index of the KV head; 0 where the kept set is shared.</summary>
    public sealed record Head : HookArgument;

    /// <summary>A number of the policy.</summary>
    public sealed record Number(string Name, bool IsInteger) : HookArgument;
}

/// <summary>A number or choice of an instance: a property, and a name of --set.</summary>
/// <param name="Name">As --set takes it.</param>
/// <param name="Property">Property of the class.</param>
/// <param name="Kind">Kind of its values.</param>
/// <param name="Default">Default as --set would take it.</param>
/// <param name="DefaultCode">Default as C#.</param>
/// <param name="Minimum">Least number.</param>
/// <param name="Maximum">Greatest number.</param>
/// <param name="Choices">Words.</param>
/// <param name="Summary">One line for people.</param>
internal sealed record Setting(string Name, string Property, SettingKind Kind, string Default, string DefaultCode, double Minimum, double Maximum, EquatableArray<string> Choices, string Summary)
{
    /// <summary>True for widths.</summary>
    public bool Odd { get; init; }

    /// <summary>Enum of a choice, in KvPolicy.</summary>
    public string EnumName { get; init; } = "";

    /// <summary>Members of the enum, in the order of <see cref="Choices"/>.</summary>
    public EquatableArray<string> Members { get; init; }

    /// <summary>Number that stands for the word of <see cref="SettingKind.IntegerOrChoice"/>, as C#.</summary>
    public string WordCode { get; init; } = "";
}

/// <summary>Kinds of settings; the first four are those of ParameterKind.</summary>
internal enum SettingKind { Integer, Real, Choice, IntegerOrChoice, Flag }
