using System.Collections.ObjectModel;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Inference.Sessions;

/// <summary>Writes a session, key by key, so that no copy of the cache is made.</summary>
internal static class SessionWriter
{
    /// <summary>Writes a file beside its place, and renames it when it is whole.</summary>
    internal static void Write(string path, SessionState state, SessionOptions options, InferenceEngine engine, KvCache cache)
    {
        string place = Path.GetFullPath(path);
        if (Directory.Exists(place)) throw new IOException($"{path} is a folder where a session is to be written; name a file in it");
        string beside = $"{place}.{Guid.NewGuid():N}.partial";
        try
        {
            using (var stream = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                Write(stream, state, options, engine, cache);
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, place, overwrite: true);
        }
        catch
        {
            File.Delete(beside);
            throw;
        }
    }

    /// <summary>Writes a file that its owner puts in its place.</summary>
    internal static void Write(FileStream stream, SessionState state, SessionOptions options, InferenceEngine engine, KvCache cache)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var writer = SafetensorsWriter.Over(stream, Metadata(state, options, engine), hash, [.. Specs(state, cache)]))
        {
            writer.Append<int>(state.Ids);
            writer.Append<int>(state.Shots);
            writer.Append<float>(state.Logits);
            for (int layer = 0; layer < cache.Shape.Layers; layer++)
            {
                for (int head = 0; head < cache.Shape.KvHeads; head++) WriteHead(writer, cache, layer, head);
            }

            writer.Complete();
        }

        stream.Position = SessionFormat.ChecksumOffset;
        stream.Write(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset())));
        stream.Position = stream.Length;
    }

    private static IEnumerable<SafetensorsSpec> Specs(SessionState state, KvCache cache)
    {
        yield return new(SessionFormat.Tokens, SafetensorsType.I32, state.Ids.Length);
        if (state.Shots.Length > 0) yield return new(SessionFormat.Shots, SafetensorsType.I32, state.Shots.Length);
        if (state.Logits is { } logits) yield return new(SessionFormat.Logits, SafetensorsType.F32, logits.Length);
        for (int layer = 0; layer < cache.Shape.Layers; layer++)
        {
            for (int head = 0; head < cache.Shape.KvHeads; head++)
            {
                int held = cache.Held(layer, head);
                yield return new(SessionFormat.Keys(layer, head), SafetensorsType.F32, held, cache.Shape.HeadDim);
                yield return new(SessionFormat.Values(layer, head), SafetensorsType.F32, held, cache.Shape.HeadDim);
                yield return new(SessionFormat.Positions(layer, head), SafetensorsType.I32, held);
                if (cache.HasState) yield return new(SessionFormat.State(layer, head), SafetensorsType.F32, held);
            }
        }
    }

    private static void WriteHead(SafetensorsWriter writer, KvCache cache, int layer, int head)
    {
        int held = cache.Held(layer, head);
        float[] key = new float[cache.Shape.HeadDim], value = new float[cache.Shape.HeadDim], states = new float[held];
        int[] positions = new int[held];
        for (int slot = 0; slot < held; slot++)
        {
            (positions[slot], states[slot]) = cache.Read(layer, head, slot, key, value);
            writer.Append<float>(key);
        }

        for (int slot = 0; slot < held; slot++)
        {
            cache.Read(layer, head, slot, key, value);
            writer.Append<float>(value);
        }

        writer.Append<int>(positions);
        if (cache.HasState) writer.Append<float>(states);
    }

    private static List<KeyValuePair<string, string>> Metadata(SessionState state, SessionOptions options, InferenceEngine engine)
    {
        var identity = PolicyIdentity.Of(options.Policy);
        var entries = new List<KeyValuePair<string, string>>
        {
            new(SessionFormat.Checksum, SessionFormat.NoChecksum),
            new(SessionFormat.VersionEntry, Text(SessionFormat.Version)),
            new(SessionFormat.Model, engine.Model.Name),
            new(SessionFormat.Fingerprint, engine.Fingerprint),
            new(SessionFormat.Policy, identity.Name),
            new(SessionFormat.Plan, identity.Plan),
            new(SessionFormat.Passes, identity.Passes),
            new(SessionFormat.Parameters, Json(options.Policy?.Parameters ?? ReadOnlyDictionary<string, string>.Empty)),
            new(SessionFormat.Capacity, Text(state.Capacity)),
            new(SessionFormat.Length, Text(state.Length)),
            new(SessionFormat.Prompt, Text(state.Prompt)),
        };
        if (options.Policy?.Plan.Prefill is { } prefill) entries.Add(new(SessionFormat.Keep, prefill.Budget.ToString()));
        if (options.Policy?.Plan.Decode is { } decode) entries.Add(new(SessionFormat.DecodeKeep, decode.Budget.ToString()));
        return entries;
    }

    private static string Json(IReadOnlyDictionary<string, string> parameters)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            foreach ((string name, string value) in parameters.OrderBy(parameter => parameter.Key, StringComparer.Ordinal)) json.WriteString(name, value);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
