using System.Diagnostics;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Cli.Verification;
using KvPolicy.Inference;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using Spectre.Console;

namespace KvPolicy.Cli.Commands;

/// <summary>Proves policies on this machine.</summary>
internal static class VerifyCommand
{
    internal static Command Command { get; } = new()
    {
        Name = "verify",
        Summary = "proves policies on this machine, with the embedded model and random tensors",
        Options =
        [
            .. PolicyOptions.All,
            new("--all", null, "every policy; so also without --policy"),
            new("--schedule", "S", "prefill under which eviction is compared with masking; both if left out") { Choices = ["layer", "chunk"] },
        ],
        Examples = ["kvpolicy verify --all", "kvpolicy verify --policy ShotKv --keep 0.4"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        arguments.OneOf("--policy", "--all");
        List<VerifiedPolicy> policies = [.. Chosen(arguments)];
        long started = Stopwatch.GetTimestamp();
        var results = new List<PointResult>();
        using Model model = ModelLoader.Load(ModelLoader.Embedded);
        using var suite = new VerificationSuite(model, Schedules(arguments));
        using (ProgressBar bar = session.StartBar("policies", arguments))
        {
            for (int i = 0; i < policies.Count; i++)
            {
                results.AddRange(suite.Check(policies[i]));
                bar.Report((i + 1.0) / policies.Count);
            }
        }

        int failed = results.Count(r => !r.Passed);
        if (arguments.Json) Write(session, results);
        else Print(session, results, Stopwatch.GetElapsedTime(started));
        return failed == 0 ? 0 : throw new CommandException($"{failed} of {results.Count} proofs failed, first {results.First(r => !r.Passed).Policy}, point {results.First(r => !r.Passed).Point}");
    }

    private static IEnumerable<VerifiedPolicy> Chosen(Arguments arguments)
    {
        if (!arguments.Has("--policy"))
        {
            _ = PolicyOptions.CreateOrNone(arguments);
            return VerifiedPolicy.All();
        }

        PolicyInfo info = PolicyOptions.Find(arguments);
        PolicySettings settings = PolicyOptions.Settings(arguments);
        _ = info.Create(settings);
        return VerifiedPolicy.Variants(info, settings);
    }

    private static PrefillSchedule[] Schedules(Arguments arguments) => arguments.Text("--schedule") switch
    {
        "layer" => [PrefillSchedule.LayerMajor],
        "chunk" => [PrefillSchedule.ChunkMajor],
        _ => [PrefillSchedule.LayerMajor, PrefillSchedule.ChunkMajor],
    };

    private static void Write(Session session, List<PointResult> results)
        => session.WriteJson(json =>
        {
            json.WriteStartObject();
            json.WriteBoolean("passed", results.All(r => r.Passed));
            json.WriteStartArray("results");
            foreach (PointResult result in results)
            {
                json.WriteStartObject();
                json.WriteString("point", result.Point);
                json.WriteString("policy", result.Policy);
                json.WriteBoolean("passed", result.Passed);
                json.WriteString("figure", result.Figure);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        });

    private static void Print(Session session, List<PointResult> results, TimeSpan took)
    {
        Table table = Tables.Of("", "policy", "point", "figure");
        foreach (PointResult r in results) table.AddRow(r.Passed ? "[green]ok[/]" : "[red]FAIL[/]", Markup.Escape(r.Policy), Markup.Escape(r.Point), Markup.Escape(r.Figure));
        session.Console.Write(table);
        session.Out.WriteLine($"{results.Count(r => r.Passed)} of {results.Count} proofs hold ({Numbers.Show(took.TotalSeconds, "0.0")} s)");
    }
}
