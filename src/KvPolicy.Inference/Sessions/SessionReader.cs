using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.Safetensors;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Sessions;

/// <summary>A mapped session file whose checksum, version and names were checked. Nothing of it is believed before <see cref="ReadState"/> has looked at it.</summary>
internal sealed class SessionReader : IDisposable
{
    private const string Remedy = "save the session again, or begin a new one";

    private readonly SafetensorsFile _file;

    private SessionReader(SafetensorsFile file) => _file = file;

    /// <summary>Name of the policy; empty for none.</summary>
    internal string PolicyName => Entry(SessionFormat.Policy);

    /// <summary>Maps and checks a file.</summary>
    /// <exception cref="ModelFormatException">It is no session, of a newer version, or damaged.</exception>
    internal static SessionReader Open(string path)
    {
        MappedBytes bytes = MappedBytes.Open(path);
        try
        {
            if (!SessionFormat.IsSession(bytes)) throw LoadError.Of(path, "beginning", "is not that of a saved session", "name a file that a session was saved to");
            VerifyChecksum(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }

        var reader = new SessionReader(SafetensorsFile.Open(bytes));
        try
        {
            string version = reader.Entry(SessionFormat.VersionEntry);
            if (version != SessionFormat.Version.ToString(CultureInfo.InvariantCulture)) throw reader.Fault(SessionFormat.VersionEntry, $"is {version}, this program reads {SessionFormat.Version}", "use the version of KvPolicy that saved it, or begin a new session");
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>The settings that make the policy again: budgets and parameters.</summary>
    internal PolicySettings ReadSettings() => new()
    {
        Keep = BudgetOf(SessionFormat.Keep),
        DecodeKeep = BudgetOf(SessionFormat.DecodeKeep),
        Values = ReadParameters(),
    };

    /// <summary>Refuses another model or policy, then reads what the session is beside its cache.</summary>
    /// <exception cref="ModelFormatException">Another model or policy, or numbers that contradict each other.</exception>
    internal SessionState ReadState(InferenceEngine engine, IKvPolicy? policy, int capacity)
    {
        RefuseOthers(engine, policy);
        ModelConfig config = engine.Model.Config;
        int[] ids = ReadTokens(config.VocabularySize);
        int length = Whole(SessionFormat.Length, 1, ids.Length);
        if (length < ids.Length - 1) throw Fault(SessionFormat.Length, $"is {length} for {ids.Length} tokens");
        int saved = Whole(SessionFormat.Capacity, length, config.ContextLength);
        if (capacity != 0 && capacity < length) throw Fault(SessionFormat.Length, $"is {length}, the capacity that was asked for is {capacity}", $"ask for a capacity from {length} to {config.ContextLength}");
        return new SessionState
        {
            Ids = ids,
            Shots = ReadShots(ids.Length),
            Capacity = capacity == 0 ? saved : capacity,
            Length = length,
            Prompt = Whole(SessionFormat.Prompt, 1, length),
            Logits = length < ids.Length ? null : ReadNumbers(SessionFormat.Logits, config.VocabularySize),
        };
    }

    /// <summary>Fills an empty cache.</summary>
    /// <exception cref="ModelFormatException">A tensor is missing, misshapen, or holds positions that cannot be.</exception>
    internal void Fill(KvCache cache, SessionState state)
    {
        int tensors = 1 + (state.Shots.Length > 0 ? 1 : 0) + (state.Logits is null ? 0 : 1) + cache.Shape.Layers * cache.Shape.KvHeads * (cache.HasState ? 4 : 3);
        if (_file.Entries.Count != tensors) throw Fault("header", $"names {_file.Entries.Count} tensors where {tensors} belong");
        var seen = new bool[state.Length];
        for (int layer = 0; layer < cache.Shape.Layers; layer++)
        {
            for (int head = 0; head < cache.Shape.KvHeads; head++)
            {
                Array.Clear(seen);
                FillHead(cache, layer, head, seen);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static void VerifyChecksum(MappedBytes bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(bytes.Span(0, SessionFormat.ChecksumOffset));
        hash.AppendData(Encoding.ASCII.GetBytes(SessionFormat.NoChecksum));
        for (long at = SessionFormat.ChecksumOffset + SessionFormat.ChecksumDigits; at < bytes.Length; at += 1 << 20)
            hash.AppendData(bytes.Span(at, (int)Math.Min(1 << 20, bytes.Length - at)));
        ReadOnlySpan<byte> stored = bytes.Span(SessionFormat.ChecksumOffset, SessionFormat.ChecksumDigits);
        if (!stored.SequenceEqual(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset()))))
            throw LoadError.Of(bytes.Name, "checksum", "does not match: the file is damaged or cut short", Remedy);
    }

    private void RefuseOthers(InferenceEngine engine, IKvPolicy? policy)
    {
        if (Entry(SessionFormat.Fingerprint) != engine.Fingerprint)
            throw Fault(SessionFormat.Model, $"the session belongs to {Entry(SessionFormat.Model)}, whose numbers or weights are not those of {engine.Model.Name}", "load that model");
        var given = PolicyIdentity.Of(policy);
        var saved = new PolicyIdentity(PolicyName, Entry(SessionFormat.Plan), Entry(SessionFormat.Passes));
        if (given == saved) return;
        PolicySettings settings = ReadSettings();
        string was = PolicyIdentity.Describe(PolicyName, settings.Keep, settings.DecodeKeep), isNow = PolicyIdentity.Describe(given.Name, policy?.Plan.Prefill?.Budget, policy?.Plan.Decode?.Budget);
        string difference = was == isNow ? $"other parameters of {was} were given" : $"{isNow} was given";
        throw Fault(SessionFormat.Policy, $"the session was compressed by {was}; {difference}", "load it with the policy and parameters that it was saved with");
    }

    private int[] ReadTokens(int vocabulary)
    {
        int[] ids = ReadIntegers(SessionFormat.Tokens, null);
        if (ids.Length == 0) throw Fault(SessionFormat.Tokens, "there are none");
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)vocabulary) throw Fault(SessionFormat.Tokens, $"id {id} is not in the vocabulary of {vocabulary}");
        }

        return ids;
    }

    private int[] ReadShots(int tokens)
    {
        if (!_file.TryGet(SessionFormat.Shots, out _)) return [];
        int[] shots = ReadIntegers(SessionFormat.Shots, tokens);
        foreach (int shot in shots)
        {
            // The session numbers shots in turn, so that there are never more numbers than tokens.
            if (shot < -1 || shot >= tokens) throw Fault(SessionFormat.Shots, $"shot {shot} cannot be among {tokens} tokens");
        }

        return shots;
    }

    private void FillHead(KvCache cache, int layer, int head, bool[] seen)
    {
        int[] positions = ReadIntegers(SessionFormat.Positions(layer, head), null);
        int held = positions.Length, width = cache.Shape.HeadDim;
        if (held > seen.Length) throw Fault(SessionFormat.Positions(layer, head), $"{held} are more than the {seen.Length} tokens");
        foreach (int position in positions)
        {
            if ((uint)position >= (uint)seen.Length || seen[position]) throw Fault(SessionFormat.Positions(layer, head), $"{position} cannot be, or stands twice");
            seen[position] = true;
        }

        float[] keys = ReadNumbers(SessionFormat.Keys(layer, head), held, width), values = ReadNumbers(SessionFormat.Values(layer, head), held, width);
        float[] states = cache.HasState ? ReadNumbers(SessionFormat.State(layer, head), held) : [];
        cache.ReserveHead(layer, head, held);
        for (int slot = 0; slot < held; slot++)
        {
            cache.Append(layer, head, keys.AsSpan(slot * width, width), values.AsSpan(slot * width, width), positions[slot]);
            if (cache.HasState) cache.SetState(layer, head, slot, states[slot]);
        }
    }

    private Dictionary<string, string> ReadParameters()
        => JsonText.Read(_file.Path, SessionFormat.Parameters, Encoding.UTF8.GetBytes(Entry(SessionFormat.Parameters)), root =>
        {
            if (root.ValueKind != JsonValueKind.Object) throw Fault(SessionFormat.Parameters, "is no JSON object");
            return root.EnumerateObject().ToDictionary(property => property.Name, property => property.Value.GetString() ?? "", StringComparer.Ordinal);
        });

    private Budget? BudgetOf(string entry)
    {
        const string Tokens = " tokens";
        if (!_file.Metadata.TryGetValue(entry, out string? text)) return null;
        if (text.EndsWith(Tokens, StringComparison.Ordinal) && int.TryParse(text[..^Tokens.Length], NumberStyles.None, CultureInfo.InvariantCulture, out int tokens) && tokens > 0) return Budget.OfTokens(tokens);
        return decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal ratio) && ratio is > 0 and <= 1 ? Budget.OfRatio(ratio) : throw Fault(entry, $"is {text}, no budget");
    }

    private int[] ReadIntegers(string name, int? count) => Checked(name, _file.ReadI32(name), count is { } n ? [n] : null);

    private float[] ReadNumbers(string name, params long[] shape) => Checked(name, _file.ReadF32(name), shape);

    private T[] Checked<T>(string name, T[] read, long[]? shape)
    {
        IReadOnlyList<long> found = _file.Get(name).Shape;
        if (shape is null ? found.Count == 1 : found.SequenceEqual(shape)) return read;
        throw Fault(name, $"has the shape {_file.Get(name).ShapeText}{(shape is null ? ", not one dimension" : $" where [{string.Join(", ", shape)}] belongs")}");
    }

    private int Whole(string entry, int least, int most)
    {
        string text = Entry(entry);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw Fault(entry, $"is {text}, not a whole number from {least} to {most}");
    }

    private string Entry(string name) => _file.Metadata.TryGetValue(name, out string? text) ? text : throw Fault(name, "is missing in the metadata");

    private ModelFormatException Fault(string field, string problem, string remedy = Remedy) => LoadError.Of(_file.Path, field, problem, remedy);
}
