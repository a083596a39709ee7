using System.Text;

namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>A string of a template that remembers where each character came from, so that a user's words stay a user's words through every
/// filter.</summary>
/// <param name="Value">The string.</param>
/// <param name="Origins">For each UTF-16 unit its offset in the messages, or -1; null where the template wrote all of it.</param>
internal sealed record TemplateText(string Value, int[]? Origins = null)
{
    internal static readonly TemplateText Empty = new("");

    internal int Length => Value.Length;

    internal static TemplateText FromMessages(string value, int firstOrigin) => new(value, [.. Enumerable.Range(firstOrigin, value.Length)]);

    internal static TemplateText Join(IReadOnlyList<TemplateText> parts)
    {
        var value = new StringBuilder();
        foreach (TemplateText part in parts) value.Append(part.Value);
        if (parts.All(part => part.Origins is null)) return new TemplateText(value.ToString());
        var origins = new int[value.Length];
        int at = 0;
        foreach (TemplateText part in parts)
        {
            Span<int> here = origins.AsSpan(at, part.Length);
            if (part.Origins is null) here.Fill(-1);
            else part.Origins.CopyTo(here);
            at += part.Length;
        }
        return new TemplateText(value.ToString(), origins);
    }

    internal TemplateText Slice(int start, int length) => new(Value.Substring(start, length), Origins?[start..(start + length)]);

    internal TemplateText Trim(string? characters, bool start, bool end)
    {
        int from = 0, to = Length;
        while (start && from < to && Strips(Value[from])) from++;
        while (end && to > from && Strips(Value[to - 1])) to--;
        return Slice(from, to - from);

        bool Strips(char c) => characters is null ? char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F' : characters.Contains(c);
    }

    /// <summary>Same length, other letters (case).</summary>
    internal TemplateText Map(Func<string, string> map)
    {
        string mapped = map(Value);
        return mapped.Length == Length
            ? new TemplateText(mapped, Origins)
            : new TemplateText(mapped, Origins is null ? null : [.. Enumerable.Repeat(Origins.Length == 0 ? -1 : Origins[0], mapped.Length)]);
    }

    internal List<TemplateText> Split(string separator, int limit = int.MaxValue)
    {
        var parts = new List<TemplateText>();
        int from = 0;
        while (parts.Count < limit && Value.IndexOf(separator, from, StringComparison.Ordinal) is >= 0 and int at)
        {
            parts.Add(Slice(from, at - from));
            from = at + separator.Length;
        }
        parts.Add(Slice(from, Length - from));
        return parts;
    }

    /// <summary>Split at runs of white space, as Python does without an argument.</summary>
    internal List<TemplateText> Words()
    {
        var words = new List<TemplateText>();
        for (int at = 0; at < Length;)
        {
            if (char.IsWhiteSpace(Value[at]))
            {
                at++;
                continue;
            }
            int from = at;
            while (at < Length && !char.IsWhiteSpace(Value[at])) at++;
            words.Add(Slice(from, at - from));
        }
        return words;
    }

    internal TemplateText Replace(string old, TemplateText replacement)
    {
        if (old.Length == 0) throw new TemplateException("replacing an empty string is not supported");
        var parts = new List<TemplateText>();
        foreach (TemplateText part in Split(old))
        {
            if (parts.Count > 0) parts.Add(replacement);
            parts.Add(part);
        }
        return Join(parts);
    }

    public bool Equals(TemplateText? other) => other is not null && other.Value == Value;

    public override int GetHashCode() => string.GetHashCode(Value, StringComparison.Ordinal);

    public override string ToString() => Value;
}
