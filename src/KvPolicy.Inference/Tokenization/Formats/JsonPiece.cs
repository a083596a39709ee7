using System.Text.Json;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>A value in a JSON document that knows where it stands, so that whatever is wrong with it can be named.</summary>
internal readonly record struct JsonPiece(string File, string Path, JsonElement Value)
{
    private const string Remedy = "this tokenizer cannot be reproduced exactly; use a model whose tokenizer is of a supported kind";

    /// <exception cref="ModelFormatException">The bytes are no JSON object.</exception>
    internal static JsonPiece Parse(string file, ReadOnlyMemory<byte> utf8)
    {
        // Cloned, so that no rented buffer has to be given back; the document is read once and dropped.
        var root = new JsonPiece(file, "", JsonText.Read(file, "document", utf8, element => element.Clone()));
        return root.IsObject ? root : throw root.Wrong("an object");
    }

    internal bool IsNull => Value.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    internal bool IsString => Value.ValueKind == JsonValueKind.String;

    internal bool IsObject => Value.ValueKind == JsonValueKind.Object;

    internal bool IsArray => Value.ValueKind == JsonValueKind.Array;

    /// <summary>A member of an object; null-like where it is absent.</summary>
    internal JsonPiece this[string name]
        => new(File, Path.Length == 0 ? name : $"{Path}.{name}",
            Expect(JsonValueKind.Object, "an object").TryGetProperty(name, out JsonElement value) ? value : default);

    /// <summary>Refuses members of an object that are not among those named.</summary>
    internal void AllowOnly(params ReadOnlySpan<string> names)
    {
        foreach (JsonProperty member in Expect(JsonValueKind.Object, "an object").EnumerateObject())
        {
            string name = NameOf(member);
            if (!names.Contains(name)) throw LoadError.Of(File, Path.Length == 0 ? name : $"{Path}.{name}", "is not known here", Remedy);
        }
    }

    internal IEnumerable<JsonPiece> Items()
    {
        string file = File, path = Path;
        return Expect(JsonValueKind.Array, "an array").EnumerateArray().Select((value, i) => new JsonPiece(file, $"{path}[{i}]", value));
    }

    internal IEnumerable<(string Name, JsonPiece Value)> Members()
    {
        JsonPiece self = this;
        return Expect(JsonValueKind.Object, "an object").EnumerateObject().Select(member =>
        {
            string name = self.NameOf(member);
            return (name, new JsonPiece(self.File, $"{self.Path}.{name}", member.Value));
        });
    }

    internal string String()
    {
        try
        {
            return Expect(JsonValueKind.String, "a string").GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw LoadError.Damaged(File, Path, "the string is no valid text", e);
        }
    }

    internal string? StringOrNull() => IsNull ? null : String();

    internal bool Bool(bool otherwise) => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => IsNull ? otherwise : throw Wrong("true or false"),
    };

    internal int Int()
        => Expect(JsonValueKind.Number, "a whole number").TryGetInt32(out int value) ? value : throw Wrong("a whole number of 32 bits");

    /// <summary>What this is cannot be honoured.</summary>
    internal ModelFormatException Refuse(string problem) => LoadError.Of(File, Path, problem, Remedy);

    internal ModelFormatException Wrong(string wanted) => LoadError.Damaged(File, Path.Length == 0 ? "document" : Path, $"is {Value.ValueKind switch
    {
        JsonValueKind.Undefined => "missing",
        JsonValueKind.Null => "null",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {Value.GetRawText()}",
        _ => "true or false",
    }}, not {wanted}");

    private JsonElement Expect(JsonValueKind kind, string wanted) => Value.ValueKind == kind ? Value : throw Wrong(wanted);

    private string NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException e)
        {
            throw LoadError.Damaged(File, Path, "a name is no valid text", e);
        }
    }
}
