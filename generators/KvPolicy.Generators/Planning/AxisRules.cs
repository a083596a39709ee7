using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Planning;

/// <summary>Combinations of axes and hooks that mean nothing, or nothing yet. Runs on the model alone.</summary>
internal static class AxisRules
{
    public static IEnumerable<Fault> Check(PolicyModel model)
        => Hooks(model).Concat(Observation(model)).Concat(Drawing(model)).Concat(Units(model.Axes)).Concat(Budgets(model.Axes)).Concat(Sharing(model.Axes));

    private static IEnumerable<Fault> Hooks(PolicyModel model)
    {
        AxesModel axes = model.Axes;
        if (axes.Prefill is not null && model.HookOf(Phase.Prefill) is null) yield return Missing(model, "Prefill", "Score or ScorePrefill", WellKnownNames.PrefillAttribute);
        if (axes.Decode is not null && model.HookOf(Phase.Decode) is null) yield return Missing(model, "Decode", "Score or ScoreDecode", WellKnownNames.DecodeAttribute);
        foreach (HookModel hook in model.Hooks)
        {
            bool used = (axes.Prefill is not null && model.HookOf(Phase.Prefill) == hook) || (axes.Decode is not null && model.HookOf(Phase.Decode) == hook);
            if (!used) yield return Fault.Of(DiagnosticIds.UnusedHook, new Subject.Member(hook.Name), hook.Name, model.Type.Name);
        }
    }

    private static Fault Missing(PolicyModel model, string axis, string hooks, string attribute)
        => Fault.Of(DiagnosticIds.MissingHook, new Subject.Attribute(attribute), model.Type.Name, axis, hooks);

    private static IEnumerable<Fault> Observation(PolicyModel model)
    {
        bool read = false;
        foreach (Phase phase in new[] { Phase.Prefill, Phase.Decode })
        {
            bool runs = phase == Phase.Prefill ? model.Axes.Prefill is not null : model.Axes.Decode is not null;
            if (!runs || model.HookOf(phase) is not { Attention: { } attention } hook) continue;
            read |= attention.Observe is null;
            var subject = new Subject.Parameter(hook.Name, attention.Name);
            if (model.ObserveOf(hook) is not { } observe)
                yield return Fault.Of(DiagnosticIds.MissingObserve, subject, hook.Name, phase == Phase.Prefill ? "[Observe(Rows.Last, n)] or [Observe(Rows.All)]" : "[Observe(Rows.Current)] or [Observe(Rows.All)]");
            else if (phase == Phase.Prefill && observe.Rows == Rows.Current)
                yield return Conflict(subject, "Rows.Current has no meaning after the prefill, where no token is being decoded", "read Rows.Last or Rows.All in ScorePrefill, Rows.Current in ScoreDecode");
            else if (phase == Phase.Decode && observe.Rows == Rows.Last)
                yield return Conflict(subject, "Rows.Last are queries of the prompt, which decoding no longer holds", "read Rows.Current or Rows.All in ScoreDecode");
            else if (observe.Rows != Rows.Last && observe.Count != 0)
                yield return Conflict(subject, $"Rows.{observe.Rows} takes no count", "leave the count out, or observe Rows.Last");
        }

        if (model.Axes.Observe is not null && !read)
            yield return Conflict(new Subject.Attribute(WellKnownNames.ObserveAttribute), "[Observe] on the class, but no hook reads attention by it", "leave it out, or give a hook the parameter attention");
    }

    private static IEnumerable<Fault> Drawing(PolicyModel model)
    {
        foreach (HookModel hook in model.Hooks)
        {
            if (hook.Signals.FirstOrDefault(signal => signal.Draw is { Unit: not Unit.Token }) is not { Draw: { } draw } random) continue;
            var subject = new Subject.Parameter(hook.Name, random.Name);
            if (draw.Unit == Unit.Chunk)
                yield return Conflict(subject, "chunks have no number of their own: what was evicted before moves them", "draw for each token, or for each shot");
            else if (model.Axes.Prefill?.Unit != Unit.Shot)
                yield return Conflict(subject, "a number for each shot, but shots do not compete", "prefill Unit.Shot, or leave Unit.Shot out of [Draw]");
            else if (model.Axes.Decode is not null && model.HookOf(Phase.Decode) == hook)
                yield return Conflict(subject, "while decoding single tokens compete, and they belong to no shot", "draw for each shot in ScorePrefill, for each token in ScoreDecode");
        }
    }

    private static IEnumerable<Fault> Units(AxesModel axes)
    {
        var prefill = new Subject.Attribute(WellKnownNames.PrefillAttribute);
        Unit? unit = axes.Prefill?.Unit;
        if (axes.Prefill?.Chunk is not null && unit != Unit.Chunk) yield return Conflict(prefill, "Chunk is the length of chunks", "prefill Unit.Chunk, or leave Chunk out");
        if (axes.Prefill?.Outside is not null && unit != Unit.Shot) yield return Conflict(prefill, "Outside is about tokens outside shots", "prefill Unit.Shot, or leave Outside out");
        if (axes.Prefill?.Packing is not null && unit != Unit.Shot) yield return Conflict(prefill, "Packing is about shots", "prefill Unit.Shot, or leave Packing out");
        if (axes.Prefill is { Unit: Unit.Shot, Budget.Tokens: > 0 }) yield return Conflict(prefill, "shots are packed into a fraction of the prompt, not a number of tokens", "use Keep");
        if (axes.Decode is { Unit: not Unit.Token }) yield return Conflict(new Subject.Attribute(WellKnownNames.DecodeAttribute), "decoding evicts single tokens", "leave the unit out");
        if (axes.Pool is not null && unit is null) yield return Conflict(new Subject.Attribute(WellKnownNames.PoolAttribute), "[Pool] is about scores after the prefill", "add [Prefill], or leave [Pool] out");
        if (axes.Pool is not null && unit == Unit.Shot) yield return Conflict(new Subject.Attribute(WellKnownNames.PoolAttribute), "pooling would mix shots with their neighbours", "leave [Pool] out, or prefill Unit.Token");
    }

    private static IEnumerable<Fault> Budgets(AxesModel axes)
    {
        if (axes.Prefill?.Budget is { Keep: not null, Tokens: > 0 }) yield return Conflict(new Subject.Attribute(WellKnownNames.PrefillAttribute), "Keep and Tokens are two budgets", "declare one of them");
        if (axes.Decode?.Budget is { Keep: not null, Tokens: > 0 }) yield return Conflict(new Subject.Attribute(WellKnownNames.DecodeAttribute), "Keep and Tokens are two budgets", "declare one of them");
    }

    private static IEnumerable<Fault> Sharing(AxesModel axes)
    {
        bool evicts = axes.Prefill is not null || axes.Decode is not null;
        if (!evicts && axes.Share is not null) yield return Conflict(new Subject.Attribute(WellKnownNames.ShareAttribute), "nothing is evicted, so no kept set is shared", "add [Prefill] or [Decode], or leave [Share] out");
        if (!evicts && axes.Protect is not { Sinks: 0, Recent: null, RecentShare: null })
            yield return Conflict(new Subject.Attribute(WellKnownNames.ProtectAttribute), "nothing is evicted, so nothing needs protection", "add [Prefill] or [Decode], or leave [Protect] out");
        if (evicts && axes.Share is { Scope: Scope.Head })
            yield return Conflict(new Subject.Attribute(WellKnownNames.ShareAttribute), "each KV head has its own set, by the mean of its query group, where nothing is shared", "leave [Share] out, or share by Scope.Layer");
        if (evicts && axes.Scope == Scope.Model && axes.Prefill?.Unit != Unit.Shot)
            yield return Conflict(new Subject.Attribute(WellKnownNames.ShareAttribute), "only shots can be chosen by all layers together", "share by Scope.Layer, or prefill Unit.Shot");
    }

    private static Fault Conflict(Subject subject, string why, string remedy) => Fault.Of(DiagnosticIds.AxisConflict, subject, why, remedy);
}
