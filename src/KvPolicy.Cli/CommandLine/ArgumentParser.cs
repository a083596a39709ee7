namespace KvPolicy.Cli.CommandLine;

/// <summary>
/// Turns words into a command and its options. A value is taken as it stands, whatever it begins with, because prompts may begin with
/// anything; options are never abbreviated, never repeated by accident, and unknown ones are refused with the nearest known name.
/// </summary>
internal static class ArgumentParser
{
    internal static readonly Option Json = new("--json", null, "one JSON value on standard output, nothing else there");
    internal static readonly Option Help = new("--help", null, "this text");

    /// <summary>Every option of a command, the common ones last.</summary>
    internal static IEnumerable<Option> OptionsOf(Command command) => command.Options.Append(Json).Append(Help);

    /// <summary>Finds a command by name.</summary>
    internal static Command Find(IReadOnlyList<Command> commands, string name)
        => commands.FirstOrDefault(c => c.Name == name)
            ?? throw new UsageException($"unknown command '{name}'{Suggest(name, commands.Select(c => c.Name))}; `kvpolicy --help` lists the commands");

    /// <summary>Reads the words after the command's name.</summary>
    internal static Arguments Parse(Command command, ReadOnlySpan<string> words)
    {
        var known = OptionsOf(command).ToDictionary(o => o.Name);
        var values = new Dictionary<string, List<string>>();
        for (int i = 0; i < words.Length; i++)
        {
            if (command.Operand is { } operand && !words[i].StartsWith('-'))
            {
                Add(values, operand, words[i]);
                continue;
            }

            (string name, string? value) = Split(words[i]);
            Option option = Known(command, known, words[i], name);
            if (option.IsSwitch)
            {
                if (value is not null) throw new UsageException($"{name} takes no value, but '{value}' was given; write {name} alone");
            }
            else if (value is null)
            {
                bool lacks = i + 1 == words.Length || known.ContainsKey(words[i + 1]);
                if (lacks) throw new UsageException($"{name} needs a value: {name} {option.Value} ({option.Help}); text that looks like an option is given as {name}=TEXT");
                value = words[++i];
            }

            Add(values, option, value ?? "");
        }

        return new Arguments(command, values);
    }

    private static void Add(Dictionary<string, List<string>> values, Option option, string value)
    {
        if (option.Choices.Count > 0 && !option.Choices.Contains(value)) throw Arguments.Wrong(option.Name, value, string.Join(", ", option.Choices));
        if (!values.TryGetValue(option.Name, out List<string>? given)) values.Add(option.Name, [value]);
        else if (option.Repeatable) given.Add(value);
        else throw new UsageException($"{option.Name} was given twice; give it once");
    }

    private static Option Known(Command command, Dictionary<string, Option> known, string word, string name)
    {
        if (known.TryGetValue(name, out Option? option)) return option;
        if (word.StartsWith('-') && word.Length > 1)
            throw new UsageException($"unknown option {name}{Suggest(name, known.Keys)}; `kvpolicy {command.Name} --help` lists the options");
        throw new UsageException($"'{word}' follows no option; `kvpolicy {command.Name} --help` lists the options");
    }

    private static (string Name, string? Value) Split(string word)
    {
        int equals = word.StartsWith("--", StringComparison.Ordinal) ? word.IndexOf('=') : -1;
        return equals < 0 ? (word, null) : (word[..equals], word[(equals + 1)..]);
    }

    /// <summary>", did you mean X?" where a known name is near.</summary>
    internal static string Suggest(string word, IEnumerable<string> known)
    {
        var nearest = known.Select(name => (Name: name, Distance: Distance(word.ToLowerInvariant(), name.ToLowerInvariant()))).MinBy(x => x.Distance);
        return nearest.Name is not null && nearest.Distance <= Math.Max(1, word.Length / 3) ? $", did you mean {nearest.Name}?" : "";
    }

    // Levenshtein: names are short, and this runs once, on the way to an error. Longer words are no misspelt names.
    private static int Distance(string a, string b)
    {
        if (a.Length > 64) return int.MaxValue;
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int corner = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int substituted = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
                corner = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
