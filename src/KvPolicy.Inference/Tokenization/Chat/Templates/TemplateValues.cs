using System.Collections;
using System.Globalization;

namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>A name or member that does not exist: prints as nothing, is false, and cannot be looked into.</summary>
internal sealed record Undefined(string Name);

/// <summary>A dictionary; keys are TemplateText, numbers or booleans, in the order they were added.</summary>
internal sealed class TemplateDict : IEnumerable<KeyValuePair<object, object?>>
{
    private readonly OrderedDictionary<object, object?> _items = [];

    /// <summary>A namespace may be written to.</summary>
    internal bool IsNamespace { get; init; }

    internal int Count => _items.Count;

    internal object? this[object key]
    {
        set => _items[key] = value;
    }

    internal bool TryGet(object? key, out object? value)
    {
        value = null;
        return key is not null && _items.TryGetValue(key, out value);
    }

    internal bool TryGet(string key, out object? value) => TryGet(new TemplateText(key), out value);

    internal void Add(string key, object? value) => _items[new TemplateText(key)] = value;

    public IEnumerator<KeyValuePair<object, object?>> GetEnumerator() => _items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>A method that waits for its call.</summary>
internal sealed record BoundMethod(object? Of, string Name);

/// <summary>A function of the environment.</summary>
internal sealed record Function(string Name);

/// <summary>What Python says of values: truth, equality, order, text.</summary>
internal static class TemplateValues
{
    internal static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool b => b,
        long n => n != 0,
        double d => d != 0,
        TemplateText t => t.Length > 0,
        List<object?> l => l.Count > 0,
        TemplateDict d => d.IsNamespace || d.Count > 0,
        _ => true,
    };

    internal static bool AreEqual(object? a, object? b)
    {
        if (a is List<object?> x && b is List<object?> y) return x.Count == y.Count && x.Zip(y).All(pair => AreEqual(pair.First, pair.Second));
        if (AsNumber(a) is { } m && AsNumber(b) is { } n) return m == n;
        return Equals(a, b);
    }

    internal static int Compare(object? a, object? b)
    {
        if (a is TemplateText x && b is TemplateText y) return string.CompareOrdinal(x.Value, y.Value);
        if (AsNumber(a) is { } m && AsNumber(b) is { } n) return m.CompareTo(n);
        throw new TemplateException($"{TypeOf(a)} and {TypeOf(b)} cannot be compared");
    }

    internal static bool Contains(object? container, object? item) => container switch
    {
        TemplateText text when item is TemplateText part => text.Value.Contains(part.Value, StringComparison.Ordinal),
        TemplateText => throw new TemplateException($"{TypeOf(item)} in a string"),
        List<object?> list => list.Exists(entry => AreEqual(entry, item)),
        TemplateDict dict => dict.TryGet(item, out _),
        Undefined => false,
        _ => throw new TemplateException($"nothing is in {TypeOf(container)}"),
    };

    internal static IReadOnlyList<object?> Items(object? value) => value switch
    {
        List<object?> list => list,
        TemplateDict dict => [.. dict.Select(pair => pair.Key)],
        TemplateText text => [.. Enumerable.Range(0, text.Length).Select(i => (object?)text.Slice(i, 1))],
        Undefined => [],
        _ => throw new TemplateException($"{TypeOf(value)} has no items"),
    };

    internal static TemplateText AsText(object? value) => value switch
    {
        TemplateText text => text,
        null => new TemplateText("None"),
        Undefined => TemplateText.Empty,
        bool b => new TemplateText(b ? "True" : "False"),
        long n => new TemplateText(n.ToString(CultureInfo.InvariantCulture)),
        double d when d == Math.Floor(d) && Math.Abs(d) < 1e16 => new TemplateText(d.ToString("F1", CultureInfo.InvariantCulture)),
        double d => new TemplateText(d.ToString("R", CultureInfo.InvariantCulture)),
        _ => throw new TemplateException($"printing {TypeOf(value)} is not supported"),
    };

    internal static double? AsNumber(object? value) => value switch
    {
        long n => n,
        double d => d,
        bool b => b ? 1 : 0,
        _ => null,
    };

    internal static int AsIndex(object? value)
        => value is long n and >= int.MinValue and <= int.MaxValue ? (int)n : throw new TemplateException($"{TypeOf(value)} is no index");

    /// <summary>A name for messages.</summary>
    internal static string TypeOf(object? value) => value switch
    {
        null => "none",
        Undefined u => $"'{u.Name}', which is undefined,",
        bool => "a boolean",
        long or double => "a number",
        TemplateText => "a string",
        List<object?> => "a list",
        TemplateDict => "a dictionary",
        _ => "a function",
    };

    /// <summary>JSON as Python's json.dumps writes it by default, letters above ASCII kept.</summary>
    internal static TemplateText ToJson(object? value)
    {
        switch (value)
        {
            case null: return new TemplateText("null");
            case bool b: return new TemplateText(b ? "true" : "false");
            case long or double: return AsText(value);
            case TemplateText text: return Quoted(text);
            case List<object?> list: return Surrounded("[", list.Select(ToJson), "]");
            case TemplateDict dict:
                var colon = new TemplateText(": ");
                return Surrounded("{", dict.Select(pair => TemplateText.Join([Quoted(AsText(pair.Key)), colon, ToJson(pair.Value)])), "}");
            default: throw new TemplateException($"{TypeOf(value)} cannot be written as JSON");
        }
    }

    private static TemplateText Surrounded(string open, IEnumerable<TemplateText> items, string close)
    {
        var parts = new List<TemplateText> { new(open) };
        foreach (TemplateText item in items)
        {
            if (parts.Count > 1) parts.Add(new TemplateText(", "));
            parts.Add(item);
        }
        parts.Add(new TemplateText(close));
        return TemplateText.Join(parts);
    }

    private static TemplateText Quoted(TemplateText text)
    {
        var parts = new List<TemplateText> { new("\"") };
        for (int i = 0; i < text.Length; i++)
        {
            string? escape = text.Value[i] switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\r' => "\\r",
                '\t' => "\\t",
                '\b' => "\\b",
                '\f' => "\\f",
                < ' ' => $"\\u{(int)text.Value[i]:x4}",
                _ => null,
            };
            parts.Add(escape is null ? text.Slice(i, 1) : new TemplateText(escape));
        }
        parts.Add(new TemplateText("\""));
        return TemplateText.Join(parts);
    }
}
