using System.Globalization;

namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>Evaluated arguments of a call, filter or method.</summary>
internal sealed record CallValues(IReadOnlyList<object?> Positional, IReadOnlyDictionary<string, object?> Named)
{
    internal static readonly CallValues None = new([], new Dictionary<string, object?>());

    internal object? Get(int index, string name, object? otherwise = null)
        => (uint)index < (uint)Positional.Count ? Positional[index] : Named.TryGetValue(name, out object? value) ? value : otherwise;

    internal string? Text(int index, string name)
        => Get(index, name) switch
        {
            null => null,
            TemplateText text => text.Value,
            var other => throw new TemplateException($"{TemplateValues.TypeOf(other)} where a string is expected"),
        };
}

/// <summary>Filters, and methods of strings and dictionaries.</summary>
internal static class TemplateMethods
{
    private static readonly HashSet<string> TextMethods =
    [
        "strip", "lstrip", "rstrip", "split", "startswith", "endswith", "replace", "upper", "lower", "title", "capitalize", "find", "count", "join",
    ];

    internal static object? Filter(string name, object? value, CallValues arguments)
    {
        switch (name)
        {
            case "trim": return AsText(value).Trim(arguments.Text(0, "chars"), true, true);
            case "upper" or "lower" or "capitalize" or "title": return Cased(AsText(value), name);
            case "length" or "count": return (long)(value is TemplateText text ? text.Length : TemplateValues.Items(value).Count);
            case "string" or "safe": return AsText(value);
            case "int": return ToInt(value);
            case "list": return TemplateValues.Items(value).ToList();
            case "first": return TemplateValues.Items(value) is [var first, ..] ? first : new Undefined("first");
            case "last": return TemplateValues.Items(value) is [.., var last] ? last : new Undefined("last");
            case "default" or "d": return UsesDefault(value, arguments) ? arguments.Get(0, "default_value", TemplateText.Empty) : value;
            case "replace": return AsText(value).Replace(arguments.Text(0, "old") ?? "", AsText(arguments.Get(1, "new")));
            case "join": return Join(value, arguments);
            case "tojson" when arguments.Get(0, "indent") is null: return TemplateValues.ToJson(value);
            case "items": return Pairs(value);
            case "reverse": return TemplateValues.Items(value).Reverse().ToList();
            case "map" when arguments.Get(-1, "attribute") is TemplateText attribute:
                return TemplateValues.Items(value).Select(item => Member(item, attribute)).ToList();
            case "selectattr" or "rejectattr": return SelectByAttribute(value, arguments, keep: name == "selectattr");
            default: throw new TemplateException($"the filter '{name}' is not supported{(name is "tojson" ? " with an indent" : "")}");
        }
    }

    internal static bool Test(string name, object? value, object? argument) => name switch
    {
        "defined" => value is not Undefined,
        "undefined" => value is Undefined,
        "none" => value is null,
        "string" => value is TemplateText,
        "mapping" => value is TemplateDict,
        "number" => value is long or double or bool,
        "integer" => value is long,
        "boolean" => value is bool,
        "true" => value is true,
        "false" => value is false,
        "iterable" or "sequence" => value is TemplateText or List<object?> or TemplateDict,
        "equalto" or "eq" or "sameas" => TemplateValues.AreEqual(value, argument),
        "ne" => !TemplateValues.AreEqual(value, argument),
        "in" => TemplateValues.Contains(argument, value),
        "odd" => value is long n && n % 2 != 0,
        "even" => value is long n && n % 2 == 0,
        _ => throw new TemplateException($"the test '{name}' is not supported"),
    };

    internal static object? Call(BoundMethod method, CallValues arguments) => method.Of switch
    {
        TemplateText text => OfText(text, method.Name, arguments),
        TemplateDict dict => OfDict(dict, method.Name, arguments),
        _ => throw new TemplateException($"{TemplateValues.TypeOf(method.Of)} has no method '{method.Name}'"),
    };

    internal static bool HasMethod(object? value, string name) => value switch
    {
        TemplateText => TextMethods.Contains(name),
        TemplateDict => name is "get" or "items" or "keys" or "values",
        _ => false,
    };

    private static TemplateText AsText(object? value) => TemplateValues.AsText(value);

    private static object? OfText(TemplateText text, string name, CallValues arguments)
    {
        switch (name)
        {
            case "strip" or "lstrip" or "rstrip": return text.Trim(arguments.Text(0, "chars"), name != "rstrip", name != "lstrip");
            case "split":
                string? separator = arguments.Text(0, "sep");
                if (separator is "") throw new TemplateException("splitting at an empty string");
                int limit = arguments.Get(1, "maxsplit") is { } most ? TemplateValues.AsIndex(most) : -1;
                if (separator is null && limit >= 0)
                {
                    throw new TemplateException("splitting a limited number of times at white space is not supported");
                }
                return (separator is null ? text.Words() : text.Split(separator, limit < 0 ? int.MaxValue : limit)).ToList<object?>();
            case "startswith": return Any(arguments.Get(0, "prefix"), prefix => text.Value.StartsWith(prefix, StringComparison.Ordinal));
            case "endswith": return Any(arguments.Get(0, "suffix"), suffix => text.Value.EndsWith(suffix, StringComparison.Ordinal));
            case "replace": return text.Replace(arguments.Text(0, "old") ?? "", AsText(arguments.Get(1, "new")));
            case "find": return (long)text.Value.IndexOf(arguments.Text(0, "sub") ?? "", StringComparison.Ordinal);
            case "count" when arguments.Text(0, "sub") is { Length: > 0 } sub: return text.Split(sub).Count - 1L;
            case "join": return Join(arguments.Get(0, "iterable"), new CallValues([text], CallValues.None.Named));
            default: return Cased(text, name);
        }
    }

    private static bool Any(object? prefixes, Func<string, bool> test)
        => prefixes is List<object?> list ? list.Exists(prefix => test(AsText(prefix).Value)) : test(AsText(prefixes).Value);

    private static object? OfDict(TemplateDict dict, string name, CallValues arguments) => name switch
    {
        "get" => dict.TryGet(arguments.Get(0, "key"), out object? value) ? value : arguments.Get(1, "default"),
        "items" => Pairs(dict),
        "keys" => dict.Select(pair => (object?)pair.Key).ToList(),
        _ => dict.Select(pair => pair.Value).ToList(),
    };

    private static TemplateText Cased(TemplateText text, string name) => text.Map(value => name switch
    {
        "upper" => value.ToUpperInvariant(),
        "lower" => value.ToLowerInvariant(),
        "capitalize" => value.Length == 0 ? value : char.ToUpperInvariant(value[0]) + value[1..].ToLowerInvariant(),
        _ => throw new TemplateException($"'{name}' is not supported"),
    });

    private static object ToInt(object? value) => value switch
    {
        long n => n,
        double d => (long)d,
        bool b => b ? 1L : 0L,
        TemplateText t when long.TryParse(t.Value.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long n) => n,
        _ => 0L,
    };

    private static bool UsesDefault(object? value, CallValues arguments)
        => value is Undefined || (TemplateValues.IsTrue(arguments.Get(1, "boolean")) && !TemplateValues.IsTrue(value));

    private static TemplateText Join(object? items, CallValues arguments)
    {
        var parts = new List<TemplateText>();
        TemplateText separator = AsText(arguments.Get(0, "d", TemplateText.Empty));
        foreach (object? item in TemplateValues.Items(items))
        {
            if (parts.Count > 0) parts.Add(separator);
            parts.Add(AsText(item));
        }
        return TemplateText.Join(parts);
    }

    private static List<object?> Pairs(object? value)
        => value is TemplateDict dict
            ? [.. dict.Select(pair => (object?)new List<object?> { pair.Key, pair.Value })]
            : throw new TemplateException($"{TemplateValues.TypeOf(value)} has no pairs");

    private static object? Member(object? item, TemplateText name)
        => item is TemplateDict dict && dict.TryGet(name, out object? value) ? value : new Undefined(name.Value);

    private static List<object?> SelectByAttribute(object? value, CallValues arguments, bool keep)
    {
        if (arguments.Get(0, "") is not TemplateText attribute) throw new TemplateException("selecting without an attribute");
        string? test = arguments.Text(1, "");
        return [.. TemplateValues.Items(value).Where(item =>
        {
            object? member = Member(item, attribute);
            return keep == (test is null ? TemplateValues.IsTrue(member) : Test(test == "==" ? "eq" : test, member, arguments.Get(2, "")));
        })];
    }
}
