using System.Globalization;
using System.Text.RegularExpressions;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.HuggingFace;

namespace KvPolicy.Inference.Hub;

/// <summary>
/// Which files of a repository a model is: what the loader reads of a Hugging Face folder, or one GGUF with its parts. Nothing else is
/// ever fetched; a .bin or .pt can hold a program.
/// </summary>
/// <param name="Files">Names, weights last, so that a snapshot that has them has everything.</param>
/// <param name="Gguf">The GGUF to load (the first of its parts), or null for a folder.</param>
/// <param name="NeedsIndex">The files of the weights are those that the index names.</param>
internal sealed partial record FileChoice(IReadOnlyList<string> Files, string? Gguf, bool NeedsIndex)
{
    private const string Config = "config.json", Extension = ".gguf";
    private const int MostListed = 12;

    private static readonly string[] Texts =
    [
        Config, "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    ];

    private static readonly string[] OtherWeights = [".bin", ".pt", ".pth", ".onnx", ".msgpack", ".h5", ".ckpt", ".safetensors"];

    /// <summary>Chooses among the names of a repository, or of a snapshot of it.</summary>
    /// <param name="model">What was asked for.</param>
    /// <param name="names">The names.</param>
    /// <exception cref="HubException">None fits, or more than one.</exception>
    internal static FileChoice Of(HubModel model, IReadOnlyCollection<string> names)
    {
        if (model.File is not null) return OfGguf(model, names, Named(model, names));
        if (model.Quantization is not null) return OfGguf(model, names, Quantized(model, names));
        return Folder(names) ?? OfGguf(model, names, Only(model, names));
    }

    private static FileChoice? Folder(IReadOnlyCollection<string> names)
    {
        bool single = names.Contains(HfShards.Single), index = !single && names.Contains(HfShards.Index);
        if (!names.Contains(Config) || !(single || index)) return null;
        IEnumerable<string> templates = names.Where(n => n.StartsWith("chat_template", StringComparison.Ordinal) && Path.GetExtension(n) is ".jinja" or ".json"
            && ModelFolder.IsInside(n) && !n.Contains('/'));
        return new FileChoice([.. Texts.Where(names.Contains), .. templates.Order(StringComparer.Ordinal), single ? HfShards.Single : HfShards.Index], null, index);
    }

    private static FileChoice OfGguf(HubModel model, IReadOnlyCollection<string> names, string first)
    {
        if (!ModelFolder.IsInside(first))
            throw new HubException($"{model.Repository}: '{LoadError.Printable(first)}' leads out of the repository's folder, or is no name of a file; nothing of it is fetched: use another repository");
        return new FileChoice(Parts(model, names, first), first, false);
    }

    private static string Named(HubModel model, IReadOnlyCollection<string> names)
    {
        string file = model.File!;
        if (!names.Contains(file)) throw new HubException($"{model}: {model.Repository} has no file {file} at {model.Revision}; {Listed(Candidates(names))}");
        if (PartName().Match(file) is { Success: true } part && Number(part, "part") != 1)
            throw new HubException($"{model}: {file} is part {Number(part, "part")} of a GGUF; name the first, {NameOf(part, 1)}");
        return file;
    }

    private static string Quantized(HubModel model, IReadOnlyCollection<string> names)
    {
        string[] all = [.. Candidates(names)];
        string[] fitting = [.. all.Where(name => IsOf(name, model.Quantization!))];
        if (fitting.Length == 1) return fitting[0];
        string problem = fitting.Length == 0 ? $"no GGUF of {model.Repository} is {model.Quantization}; {Listed(all)}"
            : $"more than one GGUF of {model.Repository} is {model.Quantization}; {Listed(fitting)}";
        throw new HubException($"{model}: {problem}");
    }

    private static string Only(HubModel model, IReadOnlyCollection<string> names)
    {
        string[] all = [.. Candidates(names)];
        if (all.Length == 1) return all[0];
        if (all.Length > 1) throw new HubException($"{model}: {model.Repository} holds {all.Length} GGUF files; {Listed(all)}");
        string[] others = [.. names.Where(n => OtherWeights.Contains(Path.GetExtension(n).ToLowerInvariant())).Order(StringComparer.Ordinal)];
        string has = others.Length == 0 ? "" : $" (it has {LoadError.Printable(string.Join(", ", others.Take(MostListed)), 200)})";
        throw new HubException($"{model}: {model.Repository} has neither {Config} with {HfShards.Single} or {HfShards.Index}, nor a GGUF{has}; name a repository in one of these forms");
    }

    // Projectors for pictures and importance matrices are GGUF files too, but no models.
    private static IEnumerable<string> Candidates(IReadOnlyCollection<string> names) => names.Where(name =>
    {
        string file = name[(name.LastIndexOf('/') + 1)..];
        return name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase)
            && !file.StartsWith("mmproj", StringComparison.OrdinalIgnoreCase) && !file.Contains("imatrix", StringComparison.OrdinalIgnoreCase)
            && (PartName().Match(name) is not { Success: true } part || Number(part, "part") == 1);
    }).Order(StringComparer.Ordinal);

    private static string[] Parts(HubModel model, IReadOnlyCollection<string> names, string first)
    {
        if (PartName().Match(first) is not { Success: true } part) return [first];
        int count = Number(part, "count");
        // Counted before they are named: a name may announce 99,999 parts.
        string[] all = [.. Enumerable.Range(1, count).Select(i => NameOf(part, i)).TakeWhile(names.Contains)];
        if (all.Length < count) throw new HubException($"{model}: {NameOf(part, all.Length + 1)} is not in {model.Repository} at {model.Revision}; the GGUF is not whole: use another");
        // The first part is what says that the others are there: it is linked last.
        return [.. all.Skip(1), all[0]];
    }

    private static bool IsOf(string name, string quantization)
    {
        string stem = PartName().Match(name) is { Success: true } part ? part.Groups["stem"].Value : name[..^Extension.Length];
        for (int at = 0; (at = stem.IndexOf(quantization, at, StringComparison.OrdinalIgnoreCase)) >= 0; at++)
        {
            int end = at + quantization.Length;
            // Q4_K is not Q4_K_M, but model_Q4_K is Q4_K.
            if ((at == 0 || stem[at - 1] is '-' or '.' or '_' or '/') && (end == stem.Length || stem[end] is '-' or '.' or '/')) return true;
        }

        return false;
    }

    private static string Listed(IEnumerable<string> names)
    {
        string[] all = [.. names.Select(name => LoadError.Printable(name, 120))];
        if (all.Length == 0) return "it has no GGUF at all";
        string more = all.Length > MostListed ? $" and {all.Length - MostListed} more" : "";
        return $"name one of {string.Join(", ", all.Take(MostListed))}{more}";
    }

    private static int Number(Match part, string group) => int.Parse(part.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    private static string NameOf(Match part, int number)
        => string.Create(CultureInfo.InvariantCulture, $"{part.Groups["stem"].Value}-{number:D5}-of-{part.Groups["count"].Value}{Extension}");

    [GeneratedRegex(@"\A(?<stem>.*)-(?<part>[0-9]{5})-of-(?<count>[0-9]{5})\.gguf\z", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex PartName();
}
