using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes <c>Name.Host.g.cs</c>: the passes as structs whose loops over key tiles call SIMD leaves, and <c>Bind</c>, which hands them over.</summary>
internal sealed class HostEmitter
{
    private readonly SourceWriter _writer = GeneratedFile.Begin();
    private readonly KernelPlan _plan;

    private HostEmitter(KernelPlan plan) => _plan = plan;

    public static string Emit(KernelPlan plan)
    {
        var emitter = new HostEmitter(plan);
        GeneratedFile.Partial(emitter._writer, plan.Model.Type, "", emitter.Bind);
        if (plan.Prefill is not null || plan.Decode is not null) emitter.Passes();
        return emitter._writer.ToString();
    }

    private void Bind()
    {
        _writer.Line("/// <inheritdoc/>");
        _writer.Line(GeneratedFile.Attributes);
        _writer.Line("public void Bind<TBinder>(ref TBinder binder)");
        using (_writer.Indent())
        {
            _writer.Line("where TBinder : global::KvPolicy.IPassBinder, allows ref struct");
            _writer.Line($"=> binder.Use({Bound(_plan.Prefill, "PrefillPasses")}, {Bound(_plan.Decode, "DecodePasses")});");
        }
    }

    private string Bound(TilePass? pass, string name)
        => pass is null
            ? "default(global::KvPolicy.NoPasses)"
            : $"new global::KvPolicy.Generated.{name}({string.Join(", ", PassArguments.Of(_plan, pass, withPool: true).Select(argument => argument.Value))})";

    private void Passes()
    {
        _writer.Space();
        using (_writer.Open("namespace KvPolicy.Generated"))
        {
            _writer.Line("using global::System;");
            _writer.Line($"using Policy = {_plan.Model.Type.FullName};");
            if (_plan.Prefill is { } prefill) Pass(prefill, "PrefillPasses", "IPrefillPasses", "The passes after the prefill.");
            if (_plan.Decode is { } decode) Pass(decode, "DecodePasses", "IDecodePasses", "The pass of a decode step.");
        }
    }

    private void Pass(TilePass pass, string name, string contract, string summary)
    {
        string parameters = string.Join(", ", PassArguments.Of(_plan, pass, withPool: true).Select(argument => $"{argument.Type} {argument.Name}"));
        _writer.Space();
        _writer.Line($"/// <summary>{summary}</summary>");
        _writer.Line(GeneratedFile.TypeAttributes);
        using (_writer.Open($"file readonly struct {name}{(parameters.Length > 0 ? $"({parameters})" : "")} : {contract}"))
        {
            new HostTileWriter(_writer, _plan, pass).Write();
            if (pass.Phase == Phase.Prefill)
            {
                _writer.Space();
                Pool();
            }
        }
    }

    private void Pool()
    {
        if (_plan.Pool is null)
        {
            _writer.Line("/// <summary>Neighbours do not meet: the scores as they are.</summary>");
            _writer.Line("public void Pool(ReadOnlySpan<float> scores, Span<float> pooled) => scores.CopyTo(pooled);");
            return;
        }

        _writer.Line("/// <summary>The competing keys' scores and those of their neighbours: zeros (average) or nothing (max) beyond the ends.</summary>");
        using (_writer.Open("public void Pool(ReadOnlySpan<float> scores, Span<float> pooled)"))
        using (_writer.Open("unchecked"))
        using (_writer.Open("for (int key = 0; key < scores.Length; key++)"))
        {
            _writer.Line("""
                int from = Math.Max(0, key - pool / 2), to = Math.Min(scores.Length - 1, key + pool / 2);
                float sum = 0f, most = float.NegativeInfinity;
                for (int neighbour = from; neighbour <= to; neighbour++)
                {
                    sum += scores[neighbour];
                    most = Math.Max(most, scores[neighbour]);
                }

                pooled[key] = pooling == Pooling.Average ? sum / pool : most;
                """);
        }
    }
}
