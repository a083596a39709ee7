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
                static (node, _) => node is ClassDeclarationSyntax,
                static (found, token) => IsFirst(found, WellKnownNames.KvPolicyAttribute) ? PolicyParser.Parse((INamedTypeSymbol)found.TargetSymbol, token).Model : null)
            .Where(static model => model is not null)
            .Select(static (model, _) => model!)
            .WithTrackingName(StepNames.Model);

        IncrementalValuesProvider<KernelPlan> plans = models
            .Select(static (model, _) => Planner.Plan(model).Plan)
            .Where(static plan => plan is not null)
            .Select(static (plan, _) => plan!)
            .WithTrackingName(StepNames.Plan);

        context.RegisterSourceOutput(
            plans.Combine(HintNames.Twins(plans.Select(static (plan, _) => plan.Model.Type.HintName))),
            static (output, pair) => PolicyFiles.Add(pair.Left, HintNames.Of(pair.Left.Model.Type.HintName, pair.Right), output.AddSource));

        IncrementalValuesProvider<CatalogModel> catalogs = context.SyntaxProvider
            .ForAttributeWithMetadataName(
                WellKnownNames.PolicyCatalogAttribute,
                static (node, _) => node is ClassDeclarationSyntax,
                static (found, token) => IsFirst(found, WellKnownNames.PolicyCatalogAttribute) ? CatalogParser.Parse((INamedTypeSymbol)found.TargetSymbol, token).Catalog : null)
            .Where(static catalog => catalog is not null)
            .Combine(plans.Select(static (plan, _) => plan.Model.Type).Collect())
            .Select(static (pair, _) => CatalogModel.Of(pair.Left!, pair.Right))
            .WithTrackingName(StepNames.Catalog);

        context.RegisterSourceOutput(
            catalogs.Combine(HintNames.Twins(catalogs.Select(static (catalog, _) => catalog.Type.HintName))),
            static (output, pair) => output.AddSource($"{HintNames.Of(pair.Left.Type.HintName, pair.Right)}.Catalog.g.cs", CatalogEmitter.Emit(pair.Left)));
    }

    // A class has its attribute once; where an author wrote it on two parts, the compiler says so, and the files are still written once.
    private static bool IsFirst(GeneratorAttributeSyntaxContext found, string attribute)
        => AttributeReader.Syntax(found.TargetSymbol, attribute) is not { } first || (first.SyntaxTree == found.TargetNode.SyntaxTree && found.TargetNode.Span.Contains(first.Span));
}
