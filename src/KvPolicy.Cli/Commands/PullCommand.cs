using System.Text.Json;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Inference.Hub;

namespace KvPolicy.Cli.Commands;

/// <summary>Fetches a model of the hub into the cache that Hugging Face's tools use.</summary>
internal static class PullCommand
{
    private static readonly Option Model = new("ORG/NAME[@REVISION]", null, "a model of the hub; the branch main where no revision is named");

    internal static Command Command { get; } = new()
    {
        Name = "pull",
        Summary = "fetches a model of the hub, resumed and checked",
        Operand = Model,
        Options =
        [
            new("--file", "F", "this .gguf of the repository (a split one with all its parts)"),
            new("--quant", "Q", "the one .gguf of this quantization, such as Q4_K_M"),
        ],
        Examples =
        [
            "kvpolicy pull HuggingFaceTB/SmolLM2-135M-Instruct",
            "kvpolicy pull Qwen/Qwen2.5-0.5B-Instruct-GGUF --quant Q4_K_M",
        ],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        HubModel model = Named(arguments);
        HubFetch fetch;
        using (var bar = new HubBar(session, arguments, model.ToString())) fetch = ModelHub.FetchAsync(model, progress: bar).GetAwaiter().GetResult();
        if (arguments.Json) session.WriteJson(json => Write(json, fetch));
        else Print(session, model, fetch);
        return 0;
    }

    private static HubModel Named(Arguments arguments)
    {
        arguments.OneOf("--file", "--quant");
        if (!HubModel.TryParse(arguments.Required(Model.Name), out HubModel? model, out string? problem)) throw new UsageException(problem);
        string? option = arguments.Has("--file") ? "--file" : arguments.Has("--quant") ? "--quant" : null;
        if (option is null) return model;
        if (model.File is not null || model.Quantization is not null) throw new UsageException($"{model} names its file already; leave {option} out");
        bool fits = option == "--file" ? model.TryName(arguments.Text(option)!, out model, out problem) : model.TryQuantization(arguments.Text(option)!, out model, out problem);
        return fits ? model! : throw new UsageException($"{option}: {problem}");
    }

    private static void Write(Utf8JsonWriter json, HubFetch fetch)
    {
        json.WriteStartObject();
        json.WriteString("repo", fetch.Repository);
        json.WriteString("revision", fetch.Revision);
        json.WriteString("commit", fetch.Commit);
        json.WriteString("path", fetch.Path);
        json.WriteStartArray("files");
        foreach (HubFile file in fetch.Files)
        {
            json.WriteStartObject();
            json.WriteString("name", file.Name);
            json.WriteNumber("bytes", file.Bytes);
            json.WriteString("sha256", file.Sha256);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("downloadedBytes", fetch.DownloadedBytes);
        json.WriteEndObject();
    }

    private static void Print(Session session, HubModel model, HubFetch fetch)
    {
        string files = fetch.Files.Count == 1 ? "1 file" : $"{Numbers.Show(fetch.Files.Count)} files";
        string came = fetch.DownloadedBytes == 0 ? "all of it was here" : $"{ByteCount.Show(fetch.DownloadedBytes)} came now, every hash is right";
        session.Out.WriteLine($"{fetch.Repository} at {fetch.Revision} ({fetch.Commit}): {files}, {ByteCount.Show(fetch.Files.Sum(f => f.Bytes))}; {came}");
        session.Out.WriteLine(fetch.Path);
        session.Out.WriteLine($"use it as --model {HubModel.Prefix}{model}");
    }
}
