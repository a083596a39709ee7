using KvPolicy.Generators.Tests.Support;
using VerifyXunit;

namespace KvPolicy.Generators.Tests.Snapshots;

/// <summary>Plan text, host and GPU code of every shipped policy, to the byte.</summary>
public class PolicySnapshotTests
{
    public static IEnumerable<object[]> Policies => ShippedPolicies.Names.Select(name => new object[] { name });

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task Plan(string policy) => await Verifier.Verify(File(policy, "Plan"), "cs").UseDirectory("Plans").UseFileName($"{policy}.Plan");

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task Host_code(string policy) => await Verifier.Verify(File(policy, "Host"), "cs").UseDirectory("Host").UseFileName($"{policy}.Host");

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task Gpu_code(string policy) => await Verifier.Verify(File(policy, "Gpu"), "cs").UseDirectory("Gpu").UseFileName($"{policy}.Gpu");

    [Theory]
    [MemberData(nameof(Policies))]
    public async Task Settings(string policy) => await Verifier.Verify(File(policy, "Policy"), "cs").UseDirectory("Settings").UseFileName($"{policy}.Policy");

    [Fact]
    public async Task Catalog()
        => await Verifier.Verify(Harness.Files([.. ShippedPolicies.Names.Select(ShippedPolicies.Source), ShippedPolicies.Source("Catalog")])["KvPolicy.Policies.Catalog.Catalog.g.cs"], "cs").UseDirectory("Settings").UseFileName("Catalog");

    private static string File(string policy, string part) => Harness.Files(ShippedPolicies.Source(policy))[$"KvPolicy.Policies.{policy}.{part}.g.cs"];
}
