using System.Globalization;
using System.Text.Json;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.HuggingFace;

/// <summary>Typed access to one JSON object of a config file; null counts as absent, another type than asked for is an error.</summary>
internal readonly struct HfJson(string file, JsonElement element, string prefix = "")
{
    /// <summary>The file, for messages.</summary>
    internal string File => file;

    /// <summary>Keys whose value is not null.</summary>
    internal IEnumerable<string> Keys => element.EnumerateObject().Where(p => p.Value.ValueKind != JsonValueKind.Null).Select(p => p.Name);

    internal bool Has(string key) => TryGet(key, out _);

    /// <summary>True where the key is there and null.</summary>
    internal bool IsNull(string key) => element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>True for a value that says "none of it": 0, false, an empty list or object.</summary>
    internal bool IsNothing(string key) => TryGet(key, out JsonElement value) && value.ValueKind switch
    {
        JsonValueKind.False => true,
        JsonValueKind.Number => value.TryGetDouble(out double number) && number == 0,
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => false,
    };

    internal int? Int(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind == JsonValueKind.Number)
        {
            // Some writers give whole numbers as 4096.0.
            if (value.TryGetInt32(out int whole)) return whole;
            if (value.TryGetDouble(out double real) && real == Math.Floor(real) && Math.Abs(real) <= int.MaxValue) return (int)real;
        }
        throw Wrong(key, "a whole number");
    }

    internal double? Number(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double real) && double.IsFinite(real)) return real;
        throw Wrong(key, "a number");
    }

    internal bool? Bool(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, "true or false");
    }

    internal string? String(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(key, "a string");
    }

    internal IReadOnlyList<string>? Strings(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(v => v.ValueKind != JsonValueKind.String))
        {
            throw Wrong(key, "a list of strings");
        }
        return [.. value.EnumerateArray().Select(v => v.GetString()!)];
    }

    internal HfJson? Object(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind == JsonValueKind.Object ? new HfJson(file, value, Name(key) + ".") : throw Wrong(key, "an object");
    }

    internal int NeedInt(string key) => Int(key) ?? throw Missing(key);

    internal double NeedNumber(string key) => Number(key) ?? throw Missing(key);

    internal string NeedString(string key) => String(key) ?? throw Missing(key);

    /// <summary>A setting that the engine cannot honour.</summary>
    internal ModelFormatException Unsupported(string key, string what)
        => LoadError.Of(file, Name(key), what + " is not supported", "use a model without it");

    /// <summary>A value that no model has.</summary>
    internal ModelFormatException Invalid(string key, string problem) => LoadError.Damaged(file, Name(key), problem);

    /// <summary>Refuses a key unless it is absent or has the one value that changes nothing.</summary>
    internal void Only(string key, double neutral)
    {
        if (TryGet(key, out _) && Number(key) != neutral)
        {
            throw Unsupported(key, Number(key)!.Value.ToString(CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Refuses a key that is true.</summary>
    internal void OnlyFalse(string key)
    {
        if (Bool(key) == true) throw Unsupported(key, "true");
    }

    private bool TryGet(string key, out JsonElement value)
        => element.TryGetProperty(key, out value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined);

    private string Name(string key) => prefix + key;

    private ModelFormatException Missing(string key) => LoadError.Of(file, Name(key), "the key is missing",
        "take the config.json that belongs to the weights");

    private ModelFormatException Wrong(string key, string wanted)
        => LoadError.Of(file, Name(key), $"is not {wanted}", "take the config.json that belongs to the weights");
}
