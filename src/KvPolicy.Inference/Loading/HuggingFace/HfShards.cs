using System.Text.Json;
using KvPolicy.Inference.Loading.Safetensors;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.HuggingFace;

/// <summary>The safetensors files of a folder: one, or those that the index names.</summary>
internal sealed class HfShards : IDisposable
{
    internal const string Single = "model.safetensors";
    internal const string Index = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];

    /// <summary>Bytes of all of them.</summary>
    internal long FileBytes => _files.Sum(f => f.Bytes.Length);

    /// <summary>Maps them; each tensor of the table lies in the file that the index gives for it.</summary>
    internal static HfShards Open(ModelFolder folder, TensorTable table)
    {
        var shards = new HfShards();
        try
        {
            if (folder.Has(Single)) shards.Add(folder, Single, table);
            else if (folder.Has(Index)) shards.AddIndexed(folder, table);
            else throw NoWeights(folder);
            return shards;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>Names of the weight files that an index names, as they stand there, in order.</summary>
    /// <param name="file">The index, for messages.</param>
    /// <param name="json">Its content.</param>
    internal static IReadOnlyCollection<string> NamesIn(string file, byte[] json)
        => [.. JsonText.Read(file, "index", json, root => ReadMap(file, root)).Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public void Dispose() => _files.ForEach(f => f.Dispose());

    private static ModelFormatException NoWeights(ModelFolder folder)
    {
        string remedy = folder.Has("pytorch_model.bin") || folder.Has("pytorch_model.bin.index.json")
            ? "convert pytorch_model.bin to safetensors"
            : "fetch the weights";
        return LoadError.Of(folder.Name, Single, $"the folder has neither this file nor {Index}", remedy);
    }

    private SafetensorsFile Add(ModelFolder folder, string name, TensorTable table)
    {
        SafetensorsFile file = SafetensorsFile.Open(folder.Map(name));
        _files.Add(file);
        foreach (SafetensorsEntry entry in file.Entries) table.Add(HfTensors.Locate(file, entry));
        return file;
    }

    private void AddIndexed(ModelFolder folder, TensorTable table)
    {
        string indexFile = folder.Describe(Index);
        Dictionary<string, string> map = JsonText.Read(indexFile, "index", folder.ReadAllBytes(Index), root => ReadMap(indexFile, root));
        var opened = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        foreach (string name in map.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (!ModelFolder.IsInside(name))
            {
                throw LoadError.Of(indexFile, "weight_map", $"\"{LoadError.Printable(name)}\" leads out of the folder", "fetch the index again");
            }
            if (!folder.Has(name))
            {
                throw LoadError.Of(indexFile, "weight_map", $"{LoadError.Printable(name)} is not in the folder", "fetch the missing file");
            }
            opened.Add(name, Add(folder, name, table));
        }
        foreach ((string tensor, string name) in map)
        {
            if (!opened[name].TryGet(tensor, out _))
            {
                throw LoadError.Damaged(folder.Describe(name), tensor, $"the tensor is missing, but {Index} says it is here");
            }
        }
    }

    private static Dictionary<string, string> ReadMap(string file, JsonElement root)
    {
        JsonElement map = default;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("weight_map", out map) || map.ValueKind != JsonValueKind.Object)
        {
            throw LoadError.Damaged(file, "weight_map", "is missing or no object");
        }
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            names.Add(entry.Name, entry.Value.ValueKind == JsonValueKind.String
                ? entry.Value.GetString()!
                : throw LoadError.Damaged(file, "weight_map", $"{LoadError.Printable(entry.Name)} has no file name"));
        }
        return names.Count > 0 ? names : throw LoadError.Damaged(file, "weight_map", "is empty");
    }
}
