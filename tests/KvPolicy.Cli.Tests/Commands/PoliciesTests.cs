using System.Text.Json;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Tests.Commands;

public class PoliciesTests
{
    [Fact]
    public void Every_policy_is_listed_with_its_parameters()
    {
        JsonElement all = InProcess.Run("policies", "--json").Json;
        Assert.Equal(Catalog.All.Select(p => p.Name), all.EnumerateArray().Select(p => p.GetProperty("name").GetString()));
        foreach ((JsonElement json, PolicyInfo policy) in all.EnumerateArray().Zip(Catalog.All))
        {
            Assert.Equal(policy.Parameters.Select(p => p.Name), json.GetProperty("parameters").EnumerateArray().Select(p => p.GetProperty("name").GetString()));
            Assert.NotEqual("", json.GetProperty("summary").GetString());
            Assert.NotEqual("", json.GetProperty("fidelity").GetString());
        }

        string text = InProcess.Run("policies").Out;
        foreach (ParameterInfo parameter in Catalog.All.SelectMany(p => p.Parameters)) Assert.Contains(parameter.Allowed, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plan")]
    [InlineData("host")]
    public void Generated_code_is_printed(string target)
    {
        foreach (PolicyInfo policy in Catalog.All)
        {
            JsonElement json = InProcess.Run("emit", "--policy", policy.Name, "--target", target, "--json").Json;
            Assert.Contains(policy.Name, json.GetProperty("text").GetString(), StringComparison.Ordinal);
            Assert.Contains(policy.Name, InProcess.Run("emit", "--policy", policy.Name, "--target", target).Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_policy_without_kernels_prints_a_comment()
    {
        CliResult result = InProcess.Run("emit", "--policy", "KeepAll", "--target", "ptx");
        Assert.Equal((0, "// KeepAll launches no kernel of its own\n"), (result.Code, result.Out));
        Assert.Equal(0, InProcess.Run("emit", "--policy", "KeepAll", "--target", "ptx", "--json").Json.GetProperty("kernels").GetArrayLength());
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        InProcess.Run("emit", "--policy", "SnapKv").Refuses(2, "--target is missing");
        InProcess.Run("emit", "--policy", "SnapKv", "--target", "cuda").Refuses(2, "--target 'cuda'", "plan, host, gpu, ptx");
        InProcess.Run("emit", "--policy", "SnapKv", "--target", "ptx", "--arch", "sm_10").Refuses(2, "--arch 'sm_10'", "sm_90");
        InProcess.Run("emit", "--policy", "SnapKv", "--target", "plan", "--arch", "sm_90").Refuses(2, "--arch means nothing");
        InProcess.Run("emit", "--policy", "Snap", "--target", "plan").Refuses(2, "'Snap'", "SnapKv");
        InProcess.Run("policies", "extra").Refuses(2, "'extra' follows no option");
    }
}
