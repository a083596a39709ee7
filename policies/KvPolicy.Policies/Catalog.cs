namespace KvPolicy.Policies;

/// <summary>The published methods of this assembly.</summary>
[PolicyCatalog]
public static partial class Catalog;
