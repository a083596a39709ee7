using KvPolicy.Generators.Helpers;

namespace KvPolicy.Generators.Model;

/// <summary>A class marked [PolicyCatalog] and the policies of its assembly.</summary>
/// <param name="Type">The class.</param>
/// <param name="Policies">Ordered by name.</param>
internal sealed record CatalogModel(TypeModel Type, EquatableArray<TypeModel> Policies)
{
    public static CatalogModel Of(TypeModel type, IEnumerable<TypeModel> policies)
        => new(type, policies.OrderBy(policy => policy.Name, StringComparer.Ordinal).ThenBy(policy => policy.FullName, StringComparer.Ordinal).ToEquatable());
}

/// <summary>What parsing a catalog gives: its class, or why not.</summary>
internal sealed record CatalogResult(TypeModel? Catalog, EquatableArray<Fault> Faults);
