using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KvPolicy.Evaluation.Language;

/// <summary>
/// The byte-level BPE of the embedded model, built from the lexicon: 3 special tokens, 256 bytes, and the merges that build each word, with the
/// space before it, from left to right. Every merge starts at a space, so a word has one way to be cut and is always one token.
/// </summary>
internal static class LexiconTokenizer
{
    private const char SpaceByte = 'Ġ';

    private static readonly (List<string> Vocabulary, List<(string Left, string Right)> Merges) Built = Build();

    /// <summary>Token texts by id, in the byte alphabet of GPT-2.</summary>
    internal static IReadOnlyList<string> Vocabulary => Built.Vocabulary;

    /// <summary>Merges by rank.</summary>
    internal static IReadOnlyList<(string Left, string Right)> Merges => Built.Merges;

    /// <summary>Id of each word of <see cref="Lexicon.All"/>, in that order.</summary>
    internal static int[] WordIds()
    {
        Dictionary<string, int> ids = Built.Vocabulary.Select((text, id) => (text, id)).ToDictionary(p => p.text, p => p.id);
        return [.. Lexicon.All.Select(word => ids[Lexicon.Specials.Contains(word) ? word : SpaceByte + word])];
    }

    /// <summary>The text of a tokenizer.json as Hugging Face's tokenizers reads it; it puts the start token first.</summary>
    internal static string ToJson()
    {
        JsonObject vocabulary = [];
        for (int id = 0; id < Built.Vocabulary.Count; id++) vocabulary[Built.Vocabulary[id]] = id;
        JsonObject json = new()
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. Lexicon.Specials.Select(AddedToken)]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(addPrefixSpace: false),
            ["post_processor"] = StartToken(),
            ["decoder"] = ByteLevel(addPrefixSpace: true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. Built.Merges.Select(m => (JsonNode)new JsonArray(m.Left, m.Right))]),
            },
        };
        return json.ToJsonString(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
    }

    private static (List<string> Vocabulary, List<(string Left, string Right)> Merges) Build()
    {
        List<string> vocabulary = [.. Lexicon.Specials];
        for (int value = 0; value < 256; value++) vocabulary.Add(ByteCharacter(value).ToString());
        List<(string Left, string Right)> merges = [];
        HashSet<string> known = [.. vocabulary];
        foreach (string word in Lexicon.All.Except(Lexicon.Specials))
        {
            string built = SpaceByte.ToString();
            foreach (char letter in word)
            {
                if (known.Add(built + letter))
                {
                    merges.Add((built, letter.ToString()));
                    vocabulary.Add(built + letter);
                }

                built += letter;
            }
        }

        return (vocabulary, merges);
    }

    /// <summary>GPT-2's printable stand-in for a byte: itself where Latin-1 prints it, else the next free character from 256 on.</summary>
    private static char ByteCharacter(int value)
    {
        if (Prints(value)) return (char)value;
        int rank = Enumerable.Range(0, value).Count(v => !Prints(v));
        return (char)(256 + rank);

        static bool Prints(int v) => v is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
    }

    private static JsonNode AddedToken(string text, int id) => new JsonObject
    {
        ["id"] = id,
        ["content"] = text,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };

    private static JsonObject ByteLevel(bool addPrefixSpace) => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = addPrefixSpace,
        ["trim_offsets"] = true,
        ["use_regex"] = true,
    };

    private static JsonObject StartToken() => new()
    {
        ["type"] = "TemplateProcessing",
        ["single"] = new JsonArray(Special(Lexicon.Bos), Sequence("A", 0)),
        ["pair"] = new JsonArray(Special(Lexicon.Bos), Sequence("A", 0), Sequence("B", 1)),
        ["special_tokens"] = new JsonObject
        {
            [Lexicon.Bos] = new JsonObject
            {
                ["id"] = Lexicon.Bos,
                ["ids"] = new JsonArray(Array.IndexOf(Lexicon.Specials, Lexicon.Bos)),
                ["tokens"] = new JsonArray(Lexicon.Bos),
            },
        },
    };

    private static JsonObject Special(string id) => new() { ["SpecialToken"] = new JsonObject { ["id"] = id, ["type_id"] = 0 } };

    private static JsonObject Sequence(string id, int type) => new() { ["Sequence"] = new JsonObject { ["id"] = id, ["type_id"] = type } };
}
