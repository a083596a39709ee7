using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes <c>Name.Sources.g.cs</c>: the text of the two lowerings, for people who want to see what runs.</summary>
internal static class SourcesEmitter
{
    public static string Emit(KernelPlan plan, string host, string gpu)
    {
        SourceWriter writer = GeneratedFile.Begin();
        GeneratedFile.Partial(writer, plan.Model.Type, "", () =>
        {
            Text("HostText", host);
            writer.Space();
            Text("GpuText", gpu);
        });
        return writer.ToString();

        void Text(string name, string text)
        {
            writer.Line(GeneratedFile.Attributes);
            if (text.Length == 0) writer.Line($"private const string {name} = \"\";");
            else writer.Line($"private const string {name} =\n{Literal.Raw(text)};");
        }
    }
}
