using KvPolicy.Inference.Loading.HuggingFace;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Hub;

/// <summary>A model that the cache has whole, whoever fetched it.</summary>
/// <param name="Commit">Its commit.</param>
/// <param name="Path">What to load.</param>
/// <param name="Names">Its files.</param>
internal sealed record CachedModel(string Commit, string Path, IReadOnlyList<string> Names)
{
    /// <summary>Looks into the cache; no request is made.</summary>
    /// <param name="model">The model.</param>
    /// <param name="settings">Where the cache is.</param>
    /// <param name="lacks">What the cache lacks, where the model is not there whole.</param>
    internal static CachedModel? Find(HubModel model, HubSettings settings, out string lacks)
    {
        var cache = new HubCache(settings, model.Repository);
        lacks = $"no snapshot of {model.Revision}";
        if (cache.CommitOf(model.Revision) is not { } commit) return null;
        IReadOnlyCollection<string> names = cache.Names(commit);
        if (names.Count == 0) return null;
        FileChoice choice;
        try
        {
            choice = FileChoice.Of(model, names);
        }
        catch (HubException e)
        {
            lacks = $"of its files here: {e.Message}";
            return null;
        }

        IReadOnlyList<string> files = choice.NeedsIndex ? [.. choice.Files, .. Shards(cache, commit)] : choice.Files;
        lacks = Lacking(choice, files, names);
        if (lacks.Length > 0) return null;
        return new CachedModel(commit, choice.Gguf is null ? cache.Snapshot(commit) : cache.At(commit, choice.Gguf), files);
    }

    /// <summary>The same as a fetch that had nothing to do.</summary>
    internal HubFetch Describe(HubModel model, HubSettings settings)
    {
        var cache = new HubCache(settings, model.Repository);
        return new HubFetch(model.Repository, model.Revision, Commit, Path, [.. Names.Select(name => HubFiles.Describe(name, cache.At(Commit, name), null))], 0);
    }

    private static IReadOnlyCollection<string> Shards(HubCache cache, string commit)
    {
        string index = cache.At(commit, HfShards.Index);
        try
        {
            return HfShards.NamesIn(index, File.ReadAllBytes(index));
        }
        catch (ModelFormatException)
        {
            return [HfShards.Single]; // a broken index: what it would name is not here
        }
    }

    private static string Lacking(FileChoice choice, IReadOnlyList<string> files, IReadOnlyCollection<string> names)
    {
        if (files.FirstOrDefault(file => !names.Contains(file)) is { } file) return $"{file} is missing";
        return choice.Gguf is null && !names.Contains("tokenizer.json") && !names.Contains("tokenizer.model") ? "the tokenizer is missing" : "";
    }
}
