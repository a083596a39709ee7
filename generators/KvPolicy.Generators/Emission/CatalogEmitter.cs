using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes the list of an assembly's policies.</summary>
internal static class CatalogEmitter
{
    public static string Emit(CatalogModel catalog)
    {
        SourceWriter writer = GeneratedFile.Begin();
        GeneratedFile.Partial(writer, catalog.Type, "", () =>
        {
            writer.Line("/// <summary>Every policy of this assembly, ordered by name.</summary>");
            writer.Line(GeneratedFile.Attributes);
            writer.Line("public static global::System.Collections.Generic.IReadOnlyList<global::KvPolicy.PolicyInfo> All { get; } =");
            writer.Line("[");
            using (writer.Indent())
            {
                foreach (TypeModel policy in catalog.Policies) writer.Line($"{policy.FullName}.Info,");
            }

            writer.Line("];");
        });
        return writer.ToString();
    }
}
