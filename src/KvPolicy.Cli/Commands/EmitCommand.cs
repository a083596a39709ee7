using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Gpu;

namespace KvPolicy.Cli.Commands;

/// <summary>What the generator made of a policy.</summary>
internal static class EmitCommand
{
    private const string DefaultArchitecture = "sm_90";

    internal static Command Command { get; } = new()
    {
        Name = "emit",
        Summary = "the generated code of a policy: plan, host, GPU, PTX",
        Options =
        [
            .. PolicyOptions.Unbudgeted,
            new("--target", "T", "what to print") { Choices = ["plan", "host", "gpu", "ptx"] },
            new("--arch", "A", $"GPU architecture for ptx; {DefaultArchitecture} if left out") { Choices = [.. PtxCompiler.Architectures.Keys] },
        ],
        Examples = ["kvpolicy emit --policy SnapKv --target plan", "kvpolicy emit --policy ShotKv --target ptx --arch sm_80"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        PolicyInfo policy = PolicyOptions.Find(arguments);
        string target = arguments.Required("--target");
        if (arguments.Has("--arch") && target != "ptx") throw new UsageException($"--arch means nothing for --target {target}; leave it out");
        IKvPolicy instance = policy.Create(PolicyOptions.Settings(arguments));
        IReadOnlyList<(string Name, string Text)> parts = target switch
        {
            "plan" => [(policy.Name, policy.PlanText)],
            "host" => [(policy.Name, policy.HostSource)],
            "gpu" => [(policy.Name, policy.GpuSource)],
            _ => Ptx(instance, arguments.Text("--arch") ?? DefaultArchitecture),
        };
        if (arguments.Json) Write(session, policy.Name, target, parts);
        else Print(session, policy.Name, target, parts);
        return 0;
    }

    private static List<(string Name, string Text)> Ptx(IKvPolicy policy, string architecture)
    {
        using var compiler = new PtxCompiler(architecture);
        return [.. policy.GpuKernels.Select(kernel => (kernel.Name, compiler.Compile(kernel)))];
    }

    private static void Write(Session session, string policy, string target, IReadOnlyList<(string Name, string Text)> parts)
        => session.WriteJson(json =>
        {
            json.WriteStartObject();
            json.WriteString("policy", policy);
            json.WriteString("target", target);
            if (target == "ptx")
            {
                json.WriteStartArray("kernels");
                foreach ((string name, string text) in parts)
                {
                    json.WriteStartObject();
                    json.WriteString("name", name);
                    json.WriteString("ptx", text);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }
            else
            {
                json.WriteString("text", parts[0].Text);
            }

            json.WriteEndObject();
        });

    // One module for all kernels: the header (.version, .target, .address_size) may stand in it once.
    private static void Print(Session session, string policy, string target, IReadOnlyList<(string Name, string Text)> parts)
    {
        if (parts.All(p => p.Text.Length == 0)) session.Out.WriteLine($"// {policy} launches no kernel of its own");
        for (int i = 0; i < parts.Count; i++)
        {
            if (target == "ptx") session.Out.WriteLine($"// {parts[i].Name}");
            IEnumerable<string> lines = parts[i].Text.TrimEnd().Split('\n');
            if (i > 0) lines = lines.Where(line => !IsHeader(line));
            foreach (string line in lines.Where(_ => parts[i].Text.Length > 0)) session.Out.WriteLine(line.TrimEnd('\r'));
        }
    }

    private static bool IsHeader(string line)
        => line.StartsWith(".version", StringComparison.Ordinal) || line.StartsWith(".target", StringComparison.Ordinal) || line.StartsWith(".address_size", StringComparison.Ordinal);
}
