using KvPolicy.Generators.Emission;
using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Parsing;
using KvPolicy.Generators.Planning;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KvPolicy.Generators;

/// <summary>Compiles each class marked [KvPolicy]: declaration, model, graph, plan, two lowerings. A refused policy generates nothing; the analyzers say why.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class PolicyGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<PolicyModel> models = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                WellKnownNames.KvPolicyAttribute,
                static (node, _) => node is TypeDeclarationSyntax,
                static (found, token) => PolicyParser.Parse((INamedTypeSymbol)found.TargetSymbol, token).Model)
            .Where(static model => model is not null)
            .Select(static (model, _) => model!)
            .WithTrackingName(StepNames.Model);

        IncrementalValuesProvider<KernelPlan> plans = models
            .Select(static (model, _) => Planner.Plan(model).Plan)
            .Where(static plan => plan is not null)
            .Select(static (plan, _) => plan!)
            .WithTrackingName(StepNames.Plan);

        context.RegisterSourceOutput(plans, static (output, plan) => PolicyFiles.Add(plan, output.AddSource));

        IncrementalValuesProvider<CatalogModel> catalogs = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                WellKnownNames.PolicyCatalogAttribute,
                static (node, _) => node is TypeDeclarationSyntax,
                static (found, token) => CatalogParser.Parse((INamedTypeSymbol)found.TargetSymbol, token).Catalog)
            .Where(static catalog => catalog is not null)
            .Combine(plans.Select(static (plan, _) => plan.Model.Type).Collect())
            .Select(static (pair, _) => CatalogModel.Of(pair.Left!, pair.Right))
            .WithTrackingName(StepNames.Catalog);

        context.RegisterSourceOutput(catalogs, static (output, catalog) => output.AddSource($"{catalog.Type.HintName}.Catalog.g.cs", CatalogEmitter.Emit(catalog)));
    }
}
