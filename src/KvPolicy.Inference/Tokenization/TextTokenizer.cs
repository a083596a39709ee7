using System.Text;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization.Added;
using KvPolicy.Inference.Tokenization.Chat;
using KvPolicy.Inference.Tokenization.Decoding;

namespace KvPolicy.Inference.Tokenization;

/// <summary>The one tokenizer: added tokens are cut out, the rest is normalized and given to the model's encoder.</summary>
internal sealed class TextTokenizer : ITextTokenizer
{
    private readonly TokenizerParts _parts;
    private readonly AddedTokenMatcher _raw, _normalized;
    private readonly int[] _endIds;
    private readonly Lazy<(ChatTemplate? Template, ModelFormatException? Problem)> _template;

    internal TextTokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _raw = new AddedTokenMatcher(parts.AddedTokens.Where(token => !token.Normalized));
        _normalized = new AddedTokenMatcher(parts.AddedTokens.Where(token => token.Normalized)
            .Select(token => token with { Content = Compose(token.Content).Text }));
        _endIds = [.. parts.EndIds.Distinct().Order()];
        _template = new(() =>
        {
            ChatTemplate.TryParse(parts.File, parts.ChatTemplate, out ChatTemplate? template, out ModelFormatException? problem);
            return (template, problem);
        });
    }

    public int VocabularySize => _parts.Vocabulary.Size;

    public IReadOnlyList<int> EndIds => _endIds;

    public int BosId => _parts.BosId;

    public bool HasChatTemplate => _template.Value.Template is not null;

    public bool DropsLeadingSpace => _parts.DropsLeadingSpace;

    public IReadOnlyList<TextToken> Encode(string text, EncodeOptions options)
    {
        ArgumentNullException.ThrowIfNull(text);
        var tokens = new List<TextToken>(text.Length / 3 + 2);
        if (options.AddSpecial) foreach (int id in _parts.Before) tokens.Add(new TextToken(id, -1));
        bool parse = options.ParseSpecial;
        EncodeText(text, (_, _) => parse, tokens);
        if (options.AddSpecial) foreach (int id in _parts.After) tokens.Add(new TextToken(id, -1));
        return tokens;
    }

    public IReadOnlyList<TextToken> EncodeChat(string userText, bool parseSpecial)
        => EncodeChat([new ChatMessage("user", userText)], addGenerationPrompt: true, parseSpecial);

    public IReadOnlyList<TextToken> EncodeChat(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, bool parseSpecial)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatTemplate template = _template.Value.Template ?? throw new ModelFormatException(_template.Value.Problem!.Message, _template.Value.Problem);
        ChatText chat = template.Render(messages, addGenerationPrompt);
        var tokens = new List<TextToken>(chat.Text.Length / 3 + 2);
        // A special token counts where the template wrote all of it; in the words of a message only on demand.
        EncodeText(chat.Text, (start, end) => parseSpecial || chat.IsTemplate(start, end), tokens);
        for (int i = 0; i < tokens.Count; i++) tokens[i] = tokens[i] with { Start = chat.OffsetInLastMessage(tokens[i].Start) };
        return tokens;
    }

    public ReadOnlySpan<byte> Bytes(int id) => _parts.Vocabulary.Bytes(id);

    public void AppendBytes(int id, ICollection<byte> utf8)
    {
        ArgumentNullException.ThrowIfNull(utf8);
        foreach (byte value in Bytes(id)) utf8.Add(value);
    }

    public bool IsSpecial(int id) => _parts.Vocabulary.KindOf(id) is TokenKind.Special or TokenKind.None;

    public string Decode(IReadOnlyList<int> ids, bool skipSpecial)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var text = new StringBuilder();
        var stream = new TokenStream(this, skipSpecial, atTextStart: true);
        foreach (int id in ids) text.Append(stream.Feed(id));
        return text.Append(stream.Finish()).ToString();
    }

    // 1. Added tokens in the raw text. 2. The rest normalized. 3. Added tokens that are looked for there. 4. The model.
    private void EncodeText(string text, Func<int, int, bool> specialAllowed, List<TextToken> tokens)
    {
        string valid = WithoutLoneSurrogates(text);
        var pieces = new List<TextPiece>();
        _raw.Split(valid, 0, valid.Length, specialAllowed, pieces);
        foreach (TextPiece piece in pieces)
        {
            if (piece.Id >= 0) tokens.Add(new TextToken(piece.Id, piece.Start));
            else EncodePlain(valid, piece, specialAllowed, tokens);
        }
    }

    private void EncodePlain(string text, TextPiece piece, Func<int, int, bool> specialAllowed, List<TextToken> tokens)
    {
        if (!_parts.Composes && _normalized.IsEmpty)
        {
            _parts.Encoder.Encode(text, piece.Start, piece.Length, tokens);
            return;
        }
        NormalizedText normalized = Compose(text.Substring(piece.Start, piece.Length));
        var parts = new List<TextPiece>();
        _normalized.Split(normalized.Text, 0, normalized.Text.Length, AllowedHere, parts);
        foreach (TextPiece part in parts)
        {
            int first = tokens.Count;
            if (part.Id >= 0) tokens.Add(new TextToken(part.Id, part.Start));
            else _parts.Encoder.Encode(normalized.Text, part.Start, part.Length, tokens);
            for (int i = first; i < tokens.Count; i++) tokens[i] = tokens[i] with { Start = piece.Start + normalized.OriginOf(tokens[i].Start) };
        }

        bool AllowedHere(int start, int end)
            => specialAllowed(piece.Start + normalized.OriginOf(start), piece.Start + normalized.OriginOf(end - 1) + 1);
    }

    private NormalizedText Compose(string text) => _parts.Composes ? NormalizedText.Compose(text) : new NormalizedText(text, null);

    // Lone surrogates are no text; everybody else's tokenizer is given U+FFFD in their place.
    private static string WithoutLoneSurrogates(string text)
        => text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF') ? Encoding.Unicode.GetString(Encoding.Unicode.GetBytes(text)) : text;
}
