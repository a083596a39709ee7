using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Parsing;

namespace KvPolicy.Generators.Planning;

/// <summary>The numbers of a policy that an instance can set: those of its axes, then those of its hooks.</summary>
internal static class SettingsOf
{
    /// <summary>C# of <c>rows=all</c>.</summary>
    public const string AllRows = "int.MaxValue";

    public static EquatableArray<Setting> Policy(PolicyModel model)
    {
        var settings = new List<Setting>();
        AxesModel axes = model.Axes;
        if (axes.Prefill is not null || axes.Decode is not null)
        {
            settings.AddRange(Observation(model));
            settings.AddRange(Pool(axes.Pool));
            settings.AddRange(Protect(axes.Protect));
            settings.AddRange(Units(axes));
            if (axes.Decode is not null) settings.Add(new Setting("newest", "Newest", SettingKind.Flag, "1", "true", 0, 1, default, "1: the newest token always stays while decoding; 0: it competes"));
        }

        if (model.Hooks.Any(hook => hook.Draw is not null)) settings.Add(new Setting("seed", "Seed", SettingKind.Integer, "0", "0", 0, int.MaxValue, default, "What is drawn: the same seed draws the same numbers on every device"));
        settings.AddRange(Hooks(model));
        return settings.ToEquatable();
    }

    /// <summary>True where the prompt's rows can be set: not where decoding goes on with their sum.</summary>
    public static bool OffersRows(PolicyModel model) => PrefillRows(model) == Rows.All && !model.SumsWhileDecoding;

    private static Rows? PrefillRows(PolicyModel model)
        => model.Axes.Prefill is not null && model.HookOf(Phase.Prefill) is { Attention: not null } hook ? model.ObserveOf(hook)!.Rows : null;

    private static IEnumerable<Setting> Observation(PolicyModel model)
    {
        if (PrefillRows(model) == Rows.Last)
            yield return Whole("window", model.ObserveOf(model.HookOf(Phase.Prefill)!)!.Count, 1, "Last queries of the prompt whose attention counts");
        else if (OffersRows(model))
            yield return new Setting("rows", "ObservedRows", SettingKind.IntegerOrChoice, "all", AllRows, 1, AxisRanges.MostTokens, EquatableArray.Of("all"),
                "Queries of the prompt whose attention counts: all (their sum), or the last so many (their mean)")
            { WordCode = AllRows };
    }

    private static IEnumerable<Setting> Pool(PoolAxis? pool)
    {
        if (pool is null) yield break;
        yield return new Setting("pool", "Pool", SettingKind.Integer, Literal.Text(pool.Width), Literal.Text(pool.Width), 1, AxisRanges.WidestPool, default, "Neighbouring keys that meet in one score; odd") { Odd = true };
        yield return Choice("pooling", "Pooling", "Pooling", pool.Pooling.ToString(), "How they meet", ("average", "Average"), ("max", "Max"));
    }

    private static IEnumerable<Setting> Protect(ProtectAxis protect)
    {
        yield return Whole("sinks", protect.Sinks, 0, "First tokens that always stay");
        if (protect.RecentShare is { } share && protect.Recent is null)
            yield return new Setting("recent", "Recent", SettingKind.IntegerOrChoice, "share", "-1", 0, AxisRanges.MostTokens, EquatableArray.Of("share"),
                $"Newest tokens that always stay: a number, or share ({Literal.Text(share)} of the budget)")
            { WordCode = "-1" };
        else
            yield return Whole("recent", protect.Recent ?? 0, 0, "Newest tokens that always stay");
    }

    private static IEnumerable<Setting> Units(AxesModel axes)
    {
        if (axes.Prefill is not { } prefill) yield break;
        if (prefill.Unit == Unit.Chunk) yield return Whole("chunk", prefill.Chunk ?? 10, 1, "Tokens of a chunk");
        if (prefill.Unit != Unit.Shot) yield break;
        yield return Choice("packing", "Packing", "Packing", (prefill.Packing ?? Packing.Stop).ToString(), "What the first shot that does not fit does: stop, or be passed over", ("stop", "Stop"), ("skip", "Skip"));
        yield return Choice("outside", "Outside", "Outside", (prefill.Outside ?? Outside.KeepAndCount).ToString(), "Whether tokens outside shots count against the budget; they stay in any case", ("count", "KeepAndCount"), ("free", "KeepFree"));
        if (axes.Scope != Scope.Head)
            yield return Choice("scope", "Scope", "Scope", axes.Scope.ToString(), "Who has the same shots: a layer, or the model", ("layer", "Layer"), ("model", "Model"));
    }

    private static IEnumerable<Setting> Hooks(PolicyModel model)
    {
        var seen = new HashSet<string>();
        foreach (HyperParameter parameter in model.Hooks.SelectMany(hook => hook.HyperParameters))
        {
            if (!seen.Add(parameter.Name)) continue;
            string summary = parameter.Summary.Length > 0 ? parameter.Summary.TrimEnd('.') : $"Parameter {parameter.Name} of the score";
            string value = parameter.IsInteger ? Literal.Text((int)parameter.Default) : Literal.Text((float)parameter.Default);
            yield return new Setting(
                parameter.Name, Literal.Property(parameter.Name), parameter.IsInteger ? SettingKind.Integer : SettingKind.Real, value,
                parameter.IsInteger ? value : value + "f", parameter.Minimum, parameter.Maximum, default, summary);
        }
    }

    private static Setting Whole(string name, int value, int least, string summary)
        => new(name, Literal.Property(name), SettingKind.Integer, Literal.Text(value), Literal.Text(value), least, AxisRanges.MostTokens, default, summary);

    private static Setting Choice(string name, string property, string enumName, string member, string summary, params (string Word, string Member)[] choices)
        => new(name, property, SettingKind.Choice, choices.First(choice => choice.Member == member).Word, $"global::KvPolicy.{enumName}.{member}", 0, 0, choices.Select(choice => choice.Word).ToEquatable(), summary)
        {
            EnumName = enumName,
            Members = choices.Select(choice => choice.Member).ToEquatable(),
        };
}
