using System.Diagnostics.CodeAnalysis;
using KvPolicy.Inference.Tokenization.Splitting;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>What a value of tokenizer.ggml.pre stands for.</summary>
/// <param name="Rules">How text is cut.</param>
/// <param name="IgnoresMerges">A piece that is a token is that token.</param>
/// <param name="AddsBos">BOS comes first unless add_bos_token says otherwise.</param>
/// <param name="Composes">The original tokenizer composes characters (NFC) first; GGUF has no field for it.</param>
internal sealed record GgufPreTokenizer(IReadOnlyList<SplitRule> Rules, bool IgnoresMerges = false, bool AddsBos = false, bool Composes = false);

/// <summary>The pre-tokenizers known by name. A name that is not listed is refused: cutting otherwise gives other tokens without a word.</summary>
internal static class GgufPreTokenizers
{
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Tail = @"\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Capitalized = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
    private const string Capitals = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";

    private static readonly SplitRule Llama3 = new(Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + Tail);
    private static readonly SplitRule Qwen2 = new(Contractions + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + Tail);
    private const string Signs = @" ?[^\s\p{L}\p{N}]+[\r\n/]*";
    private static readonly SplitRule Gpt4O = new($@"{Capitalized}{Contractions}?|{Capitals}{Contractions}?|\p{{N}}{{1,3}}|{Signs}|{Tail}");
    private static readonly SplitRule Tekken = new($@"{Capitalized}|{Capitals}|\p{{N}}|{Signs}|{Tail}");

    private static readonly GgufPreTokenizer Gpt2Kind = new([SplitRule.Gpt2]);
    private static readonly GgufPreTokenizer Llama3Kind = new([Llama3], IgnoresMerges: true, AddsBos: true);
    private static readonly GgufPreTokenizer Qwen2Kind = new([Qwen2], Composes: true);
    private static readonly GgufPreTokenizer DigitsThenGpt2 = new([SplitRule.SingleDigits, SplitRule.Gpt2]);

    private static readonly Dictionary<string, GgufPreTokenizer> Known = new(StringComparer.Ordinal)
    {
        ["gpt-2"] = Gpt2Kind,
        ["phi-2"] = Gpt2Kind,
        ["llama-bpe"] = Llama3Kind,
        ["llama3"] = Llama3Kind,
        ["llama-v3"] = Llama3Kind,
        ["smaug-bpe"] = new([Llama3]),
        ["dbrx"] = new([Llama3]),
        ["qwen2"] = Qwen2Kind,
        ["deepseek-r1-qwen"] = Qwen2Kind,
        ["smollm"] = DigitsThenGpt2,
        ["starcoder"] = DigitsThenGpt2,
        ["refact"] = DigitsThenGpt2,
        ["codeshell"] = DigitsThenGpt2,
        ["deepseek-coder"] = new(
        [
            new(@"[\r\n]"),
            new(@"\s?\p{L}+"),
            new(@"\s?\p{P}+"),
            new("[一-龥ࠀ-一가-퟿]+"),
            SplitRule.SingleDigits,
        ]),
        ["deepseek-v3"] = new(
        [
            new(@"\p{N}{1,3}"),
            new("[一-龥぀-ゟ゠-ヿ]+"),
            new(@"[!""#$%&'()*+,\-./:;<=>?@\[\\\]\^_`{|}~][A-Za-z]+"
                + @"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|" + Tail),
        ]),
        ["gpt-4o"] = new([Gpt4O]),
        ["llama4"] = new([Gpt4O]),
        ["tekken"] = new([Tekken], IgnoresMerges: true, AddsBos: true),
    };

    internal static IEnumerable<string> Names => Known.Keys;

    internal static bool TryGet(string name, [MaybeNullWhen(false)] out GgufPreTokenizer pre) => Known.TryGetValue(name, out pre);
}
