namespace KvPolicy.Generators;

/// <summary>Names of the tracked steps, for tests of what is cached.</summary>
internal static class StepNames
{
    /// <summary>Declaration to <see cref="Model.PolicyModel"/>.</summary>
    public const string Model = nameof(Model);

    /// <summary>Model to <see cref="Planning.KernelPlan"/>.</summary>
    public const string Plan = nameof(Plan);

    /// <summary>Catalog class and the policies that it lists.</summary>
    public const string Catalog = nameof(Catalog);
}
