using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes <c>Name.Policy.g.cs</c>: the numbers of an instance, the facts of the class, and how settings become an instance.</summary>
internal sealed class PolicyEmitter
{
    private readonly SourceWriter _writer = GeneratedFile.Begin();
    private readonly KernelPlan _plan;
    private readonly PolicyModel _model;

    private PolicyEmitter(KernelPlan plan) => (_plan, _model) = (plan, plan.Model);

    public static string Emit(KernelPlan plan)
    {
        var emitter = new PolicyEmitter(plan);
        GeneratedFile.Partial(emitter._writer, plan.Model.Type, " : global::KvPolicy.IKvPolicy", emitter.Members);
        return emitter._writer.ToString();
    }

    private void Members()
    {
        Budgets();
        foreach (Setting setting in _plan.Settings) Property(setting);
        Info();
        Values();
        Create();
    }

    private void Budgets()
    {
        if (_model.Axes.Prefill is { } prefill)
        {
            _writer.Line("/// <summary>What stays of the prompt, per layer and KV head: a fraction in (0, 1], or a number of tokens.</summary>");
            _writer.Line(GeneratedFile.Attributes);
            using (_writer.Open("public global::KvPolicy.Budget Keep"))
            {
                _writer.Line($"get => KeepGiven ?? {Budget(prefill.Budget)};");
                _writer.Line("init => KeepGiven = value;");
            }

            _writer.Space();
            _writer.Line(GeneratedFile.Attributes);
            _writer.Line("private global::KvPolicy.Budget? KeepGiven { get; init; }");
            _writer.Space();
        }

        if (_model.Axes.Decode is { } decode) DecodeKeep(decode);
    }

    private void DecodeKeep(DecodeAxis decode)
    {
        string what = decode.Of switch
        {
            Base.Prompt => "all held tokens, as a fraction of the prompt",
            Base.Generated => "the tokens decoded so far",
            _ => "all tokens so far",
        };
        _writer.Line($"/// <summary>What stays while decoding of {what}: a fraction in (0, 1], or a number of tokens.{(_model.Axes.Prefill is null ? "" : " Follows <see cref=\"Keep\"/> where only that is set.")}</summary>");
        _writer.Line(GeneratedFile.Attributes);
        using (_writer.Open("public global::KvPolicy.Budget DecodeKeep"))
        {
            // A number of tokens is also the budget of decoding only where both count the same tokens.
            string followed = decode.Of == Base.Prompt ? "KeepGiven" : "(KeepGiven is { IsTokens: false } ? KeepGiven : null)";
            string own = DecodeBudget(decode);
            _writer.Line(_model.Axes.Prefill is null ? $"get => DecodeKeepGiven ?? {own};" : $"get => DecodeKeepGiven ?? {followed} ?? {own};");
            _writer.Line("init => DecodeKeepGiven = value;");
        }

        _writer.Space();
        _writer.Line(GeneratedFile.Attributes);
        _writer.Line("private global::KvPolicy.Budget? DecodeKeepGiven { get; init; }");
        _writer.Space();
    }

    // Base.Prompt means the prefill's own budget unless another one is declared.
    private string DecodeBudget(DecodeAxis decode)
        => Budget(decode.Of == Base.Prompt && !decode.Budget.IsDeclared && _model.Axes.Prefill is { } prefill ? prefill.Budget : decode.Budget);

    private void Property(Setting setting)
    {
        string range = setting.Kind switch
        {
            SettingKind.Choice or SettingKind.Flag => "",
            SettingKind.IntegerOrChoice => $" {Literal.Text(setting.Minimum)} to {Literal.Text(setting.Maximum)}, or {setting.WordCode} for {setting.Choices[0]}.",
            _ when setting.Minimum <= int.MinValue && setting.Maximum >= int.MaxValue => "",
            _ => $" {Literal.Text(setting.Minimum)} to {Literal.Text(setting.Maximum)}.",
        };
        _writer.Line($"/// <summary>{Literal.Xml(setting.Summary)}.{range}</summary>");
        if (setting.Kind is SettingKind.Choice or SettingKind.Flag)
        {
            string type = setting.Kind == SettingKind.Flag ? "bool" : $"global::KvPolicy.{setting.EnumName}";
            _writer.Line(GeneratedFile.Attributes);
            _writer.Line($"public {type} {Literal.Identifier(setting.Property)} {{ get; init; }} = {setting.DefaultCode};");
        }
        else
        {
            _writer.Line("/// <exception cref=\"global::System.ArgumentOutOfRangeException\">Outside of that.</exception>");
            _writer.Line(GeneratedFile.Attributes);
            string type = setting.Kind == SettingKind.Real ? "float" : "int";
            _writer.Line($"public {type} {Literal.Identifier(setting.Property)} {{ get; init => field = global::KvPolicy.PolicyValues.Checked(value, Info, {Literal.Code(setting.Name)}{Word(setting, ", ")}); }} = {setting.DefaultCode};");
        }

        _writer.Space();
    }

    private static string Word(Setting setting, string before) => setting.Kind == SettingKind.IntegerOrChoice ? before + setting.WordCode : "";

    private void Info()
    {
        _writer.Line("/// <summary>Facts of this policy.</summary>");
        _writer.Line(GeneratedFile.Attributes);
        _writer.Line("public static global::KvPolicy.PolicyInfo Info => global::System.Threading.LazyInitializer.EnsureInitialized(ref field, Facts);");
        _writer.Space();
        _writer.Line("// Made when asked for: the author's own static instances may come before any initializer here.");
        _writer.Line(GeneratedFile.Attributes);
        using (_writer.Open("private static global::KvPolicy.PolicyInfo Facts() => new()", ";"))
        {
            _writer.Line($"Name = {Literal.Code(_model.Type.Name)},");
            _writer.Line($"Summary = {Literal.Code(_model.Documentation.Summary)},");
            _writer.Line($"Paper = {Literal.Code(_model.Documentation.Paper)},");
            _writer.Line($"Fidelity = {Literal.Code(_model.Documentation.Remarks)},");
            List("Axes", AxisText.Lines(_model).Select(Literal.Code));
            List("Parameters", _plan.Settings.Select(Parameter));
            _writer.Line($"DefaultKeep = {(_model.Axes.Prefill is { } prefill ? Budget(prefill.Budget) : "1d")},");
            if (_model.Axes.Decode is { } decode) _writer.Line($"DefaultDecodeKeep = {DecodeBudget(decode)},");
            _writer.Line("PlanText = PlanText,");
            _writer.Line("HostSource = HostText,");
            _writer.Line("GpuSource = GpuText,");
            _writer.Line("Create = Create,");
        }

        _writer.Space();
        _writer.Line(GeneratedFile.Attributes);
        _writer.Line("global::KvPolicy.PolicyInfo global::KvPolicy.IKvPolicy.Info => Info;");
        _writer.Space();
    }

    private void Values()
    {
        if (_plan.Settings.Count == 0) return;
        _writer.Line(GeneratedFile.Attributes);
        using (_writer.Open("global::System.Collections.Generic.IReadOnlyDictionary<string, string> global::KvPolicy.IKvPolicy.Parameters => new global::System.Collections.Generic.SortedDictionary<string, string>(global::System.StringComparer.Ordinal)", ";"))
        {
            foreach (Setting setting in _plan.Settings) _writer.Line($"[{Literal.Code(setting.Name)}] = {Shown(setting)},");
        }

        _writer.Space();
    }

    private static string Shown(Setting setting)
    {
        string property = Literal.Identifier(setting.Property);
        return setting.Kind switch
        {
            SettingKind.Choice => $"{property} switch {{ {string.Join(", ", setting.Choices.Select((word, i) => $"{(i < setting.Choices.Count - 1 ? $"global::KvPolicy.{setting.EnumName}.{setting.Members[i]}" : "_")} => {Literal.Code(word)}"))} }}",
            SettingKind.IntegerOrChoice => $"global::KvPolicy.PolicyValues.Show({property}, {setting.WordCode}, {Literal.Code(setting.Choices[0])})",
            _ => $"global::KvPolicy.PolicyValues.Show({property})",
        };
    }

    private void List(string name, IEnumerable<string> items)
    {
        _writer.Line($"{name} =");
        _writer.Line("[");
        using (_writer.Indent())
        {
            foreach (string item in items) _writer.Line(item + ",");
        }

        _writer.Line("],");
    }

    private static string Parameter(Setting setting)
    {
        SettingKind kind = setting.Kind == SettingKind.Flag ? SettingKind.Integer : setting.Kind;
        string choices = "[" + string.Join(", ", setting.Choices.Select(Literal.Code)) + "]";
        return $"new({Literal.Code(setting.Name)}, global::KvPolicy.ParameterKind.{kind}, {Literal.Code(setting.Default)}, {Literal.Code(setting.Minimum)}, {Literal.Code(setting.Maximum)}, {choices}, {Literal.Code(setting.Summary)}){(setting.Odd ? " { Odd = true }" : "")}";
    }

    private void Create()
    {
        _writer.Line(GeneratedFile.Attributes);
        using (_writer.Open("private static global::KvPolicy.IKvPolicy Create(global::KvPolicy.PolicySettings settings)"))
        {
            _writer.Line("var values = new global::KvPolicy.PolicyValues(Info, settings);");
            using (_writer.Open($"return new {_model.Type.FullName}", ";"))
            {
                if (_model.Axes.Prefill is not null) _writer.Line("KeepGiven = settings.Keep,");
                if (_model.Axes.Decode is { } decode) _writer.Line($"DecodeKeepGiven = settings.DecodeKeep{(_model.Axes.Prefill is null ? Follow(decode) : "")},");
                foreach (Setting setting in _plan.Settings) _writer.Line($"{Literal.Identifier(setting.Property)} = {Read(setting)},");
            }
        }
    }

    // Without a prefill axis nothing else would take the budget that was given.
    private static string Follow(DecodeAxis decode)
        => decode.Of == Base.Prompt ? " ?? settings.Keep" : " ?? (settings.Keep is { IsTokens: false } ? settings.Keep : null)";

    private static string Read(Setting setting)
    {
        string name = Literal.Code(setting.Name);
        return setting.Kind switch
        {
            SettingKind.Integer => $"values.Integer({name})",
            SettingKind.Real => $"values.Real({name})",
            SettingKind.Flag => $"values.Integer({name}) == 1",
            SettingKind.IntegerOrChoice => $"values.IntegerOr({name}, {setting.WordCode})",
            _ => $"values.Word({name}) switch {{ {string.Join(", ", setting.Choices.Select((word, i) => $"{(i < setting.Choices.Count - 1 ? Literal.Code(word) : "_")} => global::KvPolicy.{setting.EnumName}.{setting.Members[i]}"))} }}",
        };
    }

    /// <summary>A declared budget as C#.</summary>
    public static string Budget(BudgetModel budget)
        => budget.Tokens is > 0 and { } tokens ? $"global::KvPolicy.Budget.OfTokens({Literal.Text(tokens)})" : $"global::KvPolicy.Budget.OfRatio({Literal.Code(budget.Keep ?? 1m)})";
}
