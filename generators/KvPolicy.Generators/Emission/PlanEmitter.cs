using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes <c>Name.Plan.g.cs</c>: what an instance asks of the runtime, with the readable plan as its remarks.</summary>
internal sealed class PlanEmitter
{
    private readonly SourceWriter _writer = GeneratedFile.Begin();
    private readonly KernelPlan _plan;
    private readonly AxesModel _axes;

    private PlanEmitter(KernelPlan plan) => (_plan, _axes) = (plan, plan.Model.Axes);

    public static string Emit(KernelPlan plan)
    {
        var emitter = new PlanEmitter(plan);
        GeneratedFile.Partial(emitter._writer, plan.Model.Type, "", emitter.Members);
        return emitter._writer.ToString();
    }

    private void Members()
    {
        string text = PlanText.Write(_plan);
        _writer.Line("/// <summary>What this instance asks of the runtime.</summary>");
        _writer.Line("/// <remarks><code>");
        foreach (string line in text.TrimEnd('\n').Split('\n')) _writer.Line("/// " + Literal.Xml(line));
        _writer.Line("/// </code></remarks>");
        _writer.Line(GeneratedFile.Attributes);
        using (_writer.Open("public global::KvPolicy.PolicyPlan Plan => new()", ";"))
        {
            _writer.Line($"Name = {Literal.Code(_plan.Model.Type.Name)},");
            Prefill();
            Decode();
            if (_axes.Scope != Scope.Head) _writer.Line($"Share = {(_plan.Find("scope") is null ? $"global::KvPolicy.Scope.{_axes.Scope}" : "Scope")},");
            Protection();
            if (State() is { } state) _writer.Line($"HasState = {state},");
        }

        _writer.Space();
        _writer.Line(GeneratedFile.Attributes);
        _writer.Line($"private const string PlanText =\n{Literal.Raw(text)};");
    }

    private void Prefill()
    {
        // Where decoding goes on with the prompt's sums, there is a pass after the prefill even if nothing is evicted there.
        if (_axes.Prefill is null && _plan.Prefill is null) return;
        using (_writer.Open("Prefill = new global::KvPolicy.PrefillPlan", ","))
        {
            _writer.Line(_axes.Prefill is null ? "Budget = 1d," : "Budget = Keep,");
            if (_axes.Prefill is { Unit: not Unit.Token and { } unit }) _writer.Line($"Unit = global::KvPolicy.Unit.{unit},");
            foreach (string name in new[] { "chunk", "outside", "packing" })
            {
                if (_plan.Find(name) is { } setting) _writer.Line($"{setting.Property} = {setting.Property},");
            }

            if (Rows() is { } rows) _writer.Line($"Rows = {rows},");
            if (_plan.Pool is not null) _writer.Line("Pools = Pool > 1,");
        }
    }

    private string? Rows()
    {
        if (_plan.Prefill?.Observations.Any() != true) return null;
        if (_plan.Find("rows") is { } rows) return rows.Property;
        return _plan.Prefill.Observations.Any(stage => stage.Rows == Model.Rows.All) ? SettingsOf.AllRows : "Window";
    }

    private void Decode()
    {
        if (_axes.Decode is not { } decode) return;
        using (_writer.Open("Decode = new global::KvPolicy.DecodePlan", ","))
        {
            _writer.Line("Budget = DecodeKeep,");
            _writer.Line($"Of = global::KvPolicy.Base.{decode.Of},");
            _writer.Line("ProtectNewest = Newest,");
            if (_plan.Decode!.Stages.Any(stage => stage is ProbabilityStage)) _writer.Line("ReadsAttention = true,");
            if (_plan.Model.SumsWhileDecoding) _writer.Line("NeedsPrefillState = true,");
        }
    }

    private void Protection()
    {
        if (_plan.Find("sinks") is not null) _writer.Line("Sinks = Sinks,");
        if (_plan.Find("recent") is { } recent) _writer.Line("Recent = Recent,");
        else return;
        if (recent.Kind == SettingKind.IntegerOrChoice) _writer.Line($"RecentShare = {Literal.Code(_axes.Protect.RecentShare!.Value)},");
    }

    private string? State()
    {
        StateStage? prefill = _plan.Prefill?.Stages.OfType<StateStage>().FirstOrDefault();
        if (prefill is { OnlyWhenAll: true }) return $"{_plan.Find("rows")!.Property} == {SettingsOf.AllRows}";
        return prefill is not null || _plan.Decode?.HasState == true ? "true" : null;
    }
}
