using System.Text;

namespace KvPolicy.Cli.CommandLine;

/// <summary>What <c>--help</c> prints: plain text, the same at a terminal and in a pipe.</summary>
internal static class HelpText
{
    /// <summary>The program's own help.</summary>
    internal static string Of(IReadOnlyList<Command> commands)
    {
        var text = new StringBuilder();
        text.Append("kvpolicy: KV-cache compression policies, compiled and run on a real model\n\n");
        text.Append($"usage: kvpolicy [COMMAND [OPTION]...]; `kvpolicy` alone is `kvpolicy {Application.WithoutWords[0]}`\n\ncommands:\n");
        int width = commands.Max(c => c.Name.Length);
        foreach (Command command in commands) text.Append($"  {command.Name.PadRight(width)}  {command.Summary}\n");
        text.Append("\n  --help     this text; `kvpolicy COMMAND --help` has the options and an example\n");
        text.Append("  --version  the version\n\n");
        text.Append("examples:\n  kvpolicy demo\n  kvpolicy verify --all\n\n");
        text.Append("exit codes: 0 done, 1 failed, 2 bad arguments\n");
        return text.ToString();
    }

    /// <summary>A command's help.</summary>
    internal static string Of(Command command)
    {
        var text = new StringBuilder();
        text.Append($"kvpolicy {command.Name}: {command.Summary}\n\n");
        if (command.Operand is { } operand) text.Append($"usage: kvpolicy {command.Name} {operand.Name} [OPTION]...\n\n  {operand.Name}  {operand.Help}\n\n");
        text.Append("options:\n");
        var rows = ArgumentParser.OptionsOf(command).Select(o => (Left: o.IsSwitch ? o.Name : $"{o.Name} {o.Value}", Option: o)).ToList();
        int width = rows.Max(r => r.Left.Length);
        foreach ((string left, Option option) in rows)
        {
            string choices = option.Choices.Count > 0 ? $": {string.Join(", ", option.Choices)}" : "";
            text.Append($"  {left.PadRight(width)}  {option.Help}{choices}{(option.Repeatable ? "; may be repeated" : "")}\n");
        }

        text.Append(command.Examples.Count == 1 ? "\nexample:\n" : "\nexamples:\n");
        foreach (string example in command.Examples) text.Append($"  {example}\n");
        return text.ToString();
    }
}
