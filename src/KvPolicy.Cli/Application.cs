using System.Reflection;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Commands;
using KvPolicy.Cli.Output;
using KvPolicy.Inference;
using KvPolicy.Inference.Hub;
using KvPolicy.Inference.Models;

namespace KvPolicy.Cli;

/// <summary>The program without its process: words in, exit code out. 0 done, 1 failed, 2 bad arguments.</summary>
internal static class Application
{
    private const int Done = 0, Failed = 1, BadArguments = 2;

    /// <summary>Every command, in the order of the help.</summary>
    internal static IReadOnlyList<Command> Commands { get; } =
    [
        DemoCommand.Command,
        RunCommand.Command,
        InspectCommand.Command,
        PoliciesCommand.Command,
        EmitCommand.Command,
        ScoreCommand.Command,
        TokenizeCommand.Command,
        LogitsCommand.Command,
        PerplexityCommand.Command,
        VerifyCommand.Command,
        PullCommand.Command,
        DevicesCommand.Command,
    ];

    /// <summary>What the program does when it is told nothing.</summary>
    internal static string[] WithoutWords { get; } = [DemoCommand.Command.Name];

    /// <summary>Version of the program.</summary>
    internal static string Version { get; } = typeof(Application).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Runs a command line; whatever goes wrong becomes one line on standard error.</summary>
    internal static int Run(ReadOnlySpan<string> words, Session session)
    {
        string name = "kvpolicy";
        try
        {
            int code = Dispatch(words, session, ref name);
            session.Out.Flush();
            return code;
        }
        catch (ClosedPipeException)
        {
            return Done; // nobody reads on: nothing is wrong, nothing is left to do
        }
        catch (Exception e)
        {
            return Explain(e, name, session);
        }
    }

    private static int Dispatch(ReadOnlySpan<string> words, Session session, ref string name)
    {
        if (words.Length == 0) words = WithoutWords;
        if (words[0] is "--help" or "-h" or "help")
        {
            bool ofCommand = words.Length > 1 && words[0] == "help" && words[1] != ArgumentParser.Json.Name;
            WriteText(ofCommand ? HelpText.Of(ArgumentParser.Find(Commands, words[1])) : HelpText.Of(Commands), words.Contains(ArgumentParser.Json.Name), session);
            return Done;
        }

        if (words[0] == "--version")
        {
            WriteVersion(words[1..], session);
            return Done;
        }

        Command command = ArgumentParser.Find(Commands, words[0]);
        name = $"kvpolicy {command.Name}";
        Arguments arguments = ArgumentParser.Parse(command, words[1..]);
        if (!arguments.Has(ArgumentParser.Help.Name)) return command.Run(arguments, session);
        WriteText(HelpText.Of(command), arguments.Json, session);
        return Done;
    }

    private static void WriteText(string text, bool asJson, Session session)
    {
        if (asJson) session.WriteJson(json => json.WriteStringValue(text));
        else session.Out.Write(text);
    }

    private static void WriteVersion(ReadOnlySpan<string> more, Session session)
    {
        if (more.Length == 1 && more[0] == "--json") session.WriteJson(json => json.WriteStringValue(Version));
        else if (more.Length == 0) session.Out.WriteLine(Version);
        else throw new UsageException($"'{more[0]}' after --version; write --version alone");
    }

    private static int Explain(Exception e, string name, Session session)
    {
        (int code, string message) = e switch
        {
            UsageException or PolicyArgumentException => (BadArguments, e.Message),
            CommandException or ModelFormatException or DeviceException or HubException => (Failed, e.Message),
            IOException when HubErrors.IsDiskFull(e) => (Failed, $"{e.Message}; free some space, or name a place on another disk"),
            IOException or UnauthorizedAccessException or InvalidOperationException => (Failed, e.Message),
            OutOfMemoryException => (Failed, "not enough memory for this; use a shorter prompt or a smaller model"),
            _ => (Failed, $"internal error, please report it: {e.GetType().Name}: {e.Message} {Place(e)}"),
        };
        try
        {
            session.Errors.WriteLine($"{name}: {OneLine.Of(message)}");
            session.Errors.Flush();
            session.Out.Flush();
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // One of the two is gone; the exit code still tells.
        }

        return code;
    }

    private static string Place(Exception e) => e.StackTrace?.Split('\n').FirstOrDefault()?.Trim() ?? "";
}
