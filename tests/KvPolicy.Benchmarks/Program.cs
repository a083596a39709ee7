using System.Globalization;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using KvPolicy.Benchmarks;
using KvPolicy.Benchmarks.Peers;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string verb = args.FirstOrDefault() ?? "";
string model = ReferenceModel.Find();
switch (verb)
{
    case "peers":
        new PeerComparison(PeerOptions.Parse(args.AsSpan(1), model)).Run();
        return 0;
    case "parts":
        BenchmarkSwitcher.FromAssembly(typeof(ReferenceModel).Assembly).Run(args[1..], Config(Job.Default));
        return 0;
    case "--dry-run":
        if (File.Exists(model)) new PeerComparison(new PeerOptions { Model = model }.Dry()).Run();
        else Console.WriteLine($"peers left out: {model} is absent");
        return BenchmarkRunner.Run(typeof(ReferenceModel).Assembly, Config(Job.Dry)).Any(s => s.HasCriticalValidationErrors || s.Reports.Any(r => !r.Success)) ? 1 : 0;
    default:
        Console.Error.WriteLine("usage: peers [--model F] [--threads N] [--pairs N] [--policy P] [--keep R] [--prefill N,N] [--depth N,N] | parts [BenchmarkDotNet's options] | --dry-run");
        return 2;
}

// In process, so that benchmarks see internals and need no project of their own.
static IConfig Config(Job job) => DefaultConfig.Instance.AddJob(job.WithToolchain(InProcessEmitToolchain.Instance)).WithOptions(ConfigOptions.DisableLogFile);
