using System.Reflection;
using PublicApiGenerator;
using VerifyXunit;
using Xunit.Sdk;

namespace KvPolicy.Policies.Tests.PublicApi;

/// <summary>What the packages promise their users, member by member, generated ones included. See README.md for how a change is accepted.</summary>
public class PublicApiTests
{
    // Compiler and generator write these; they say nothing to who calls the members.
    private static readonly string[] Unsaid =
    [
        "System.CodeDom.Compiler.GeneratedCodeAttribute",
        "System.Reflection.AssemblyMetadataAttribute",
        "System.Runtime.CompilerServices.CompilerFeatureRequiredAttribute",
        "System.Runtime.CompilerServices.InternalsVisibleToAttribute",
        "System.Runtime.Versioning.TargetFrameworkAttribute",
    ];

    public static TheoryData<string> Packages => ["KvPolicy", "KvPolicy.Inference", "KvPolicy.Policies"];

    [Theory, MemberData(nameof(Packages))]
    public async Task The_public_members_are_the_agreed_ones(string package)
    {
        string api = Assembly.Load(package).GeneratePublicApi(new ApiGeneratorOptions { ExcludeAttributes = Unsaid });
        try
        {
            await Verifier.Verify(api, "txt").UseFileName(package);
        }
        catch (XunitException difference)
        {
            throw new XunitException($"The public members of {package} have changed. Where that is meant: tests/KvPolicy.Policies.Tests/PublicApi/accept takes them.\n{difference.Message}");
        }
    }
}
