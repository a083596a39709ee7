using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Output;
using KvPolicy.Inference;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Commands;

/// <summary><c>run</c> on a session: one that begins and is saved, or one from a file that goes on.</summary>
internal sealed class SessionRun : IDisposable
{
    private const string Load = "--session", Save = "--save-session";

    private readonly InferenceEngine _engine;
    private readonly OutputFile? _output;

    private SessionRun(InferenceEngine engine, GenerationSession session, PromptInput prompt, OutputFile? output)
        => (_engine, Session, Prompt, _output) = (engine, session, prompt, output);

    /// <summary>The options.</summary>
    internal static IReadOnlyList<Option> Options { get; } =
    [
        new(Load, "F", "goes on with a saved session: its policy is taken from it, the prompt follows what was said, and without one generation goes on"),
        new(Save, "F", "saves the session after generating, its compressed cache included"),
    ];

    /// <summary>The session.</summary>
    internal GenerationSession Session { get; }

    /// <summary>The new tokens; none where generation just goes on.</summary>
    internal PromptInput Prompt { get; }

    /// <summary>True where the command line speaks of a session.</summary>
    internal static bool IsAsked(Arguments arguments) => arguments.Has(Load) || arguments.Has(Save);

    /// <summary>Loads model and session, or begins one; reads the prompt.</summary>
    internal static SessionRun Begin(Arguments arguments, Session console)
    {
        string? file = arguments.Text(Load);
        if (file is not null && arguments.Has("--schedule")) throw new UsageException($"--schedule means nothing with {Load}: the prompt was prefilled already; leave it out");
        if (file is "") throw new UsageException($"{Load}: the path is empty; name a file that {Save} has written");
        string? text = file is null || PromptInput.IsGiven(arguments) ? PromptInput.ReadText(arguments) : null;
        if (text is null && Array.Find(["--chat", "--special", "--shots", "--shot-map"], arguments.Has) is { } ofPrompt) throw new UsageException($"{ofPrompt} means nothing without a prompt; give one, or leave {ofPrompt} out");
        SessionOptions options = OptionsOf(arguments, file);
        OutputFile? output = arguments.Text(Save) is { } place ? OutputFile.Create(Save, place) : null;
        InferenceEngine? engine = null;
        GenerationSession? session = null;
        try
        {
            engine = EngineOptionSet.Load(arguments, console);
            if (!engine.SupportsSessions) throw new UsageException($"{Load} and {Save} need a device that can go on with a cache, and {engine.Device} cannot; use --device cpu");
            session = file is null ? engine.StartSession(options) : engine.LoadSession(file, options);
            return new SessionRun(engine, session, PromptOf(arguments, text, engine, session), output);
        }
        catch
        {
            session?.Dispose();
            engine?.Dispose();
            output?.Dispose();
            throw;
        }
    }

    /// <summary>Saves the session, where that was asked for.</summary>
    internal void SaveIfAsked()
    {
        if (_output is null) return;
        Session.Save(_output.Stream);
        _output.Complete();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Session.Dispose();
        _engine.Dispose();
        _output?.Dispose();
    }

    /// <summary>The policy that was asked for; of a saved session its own, unless another set of options is given, which must be the same.</summary>
    private static SessionOptions OptionsOf(Arguments arguments, string? file)
    {
        PolicySettings settings = PolicyOptions.Settings(arguments);
        IKvPolicy? asked = PolicyOptions.CreateOrNone(arguments);
        if (file is null) return new SessionOptions { Policy = asked, Schedule = EngineOptionSet.Schedule(arguments) };
        SavedPolicy? saved = SavedPolicy.Read(file);
        bool named = asked is not null && (saved is null || asked.Plan.Name != saved.Name || settings.Keep is not null || settings.DecodeKeep is not null || settings.Values.Count > 0);
        if (named || saved is null) return new SessionOptions { Policy = asked };
        PolicyInfo policy = Catalog.All.FirstOrDefault(policy => policy.Name == saved.Name)
            ?? throw new CommandException($"{file}: policy: the session was compressed by {saved.Name}, which is none of this program's; go on with it in the program that saved it");
        return new SessionOptions { Policy = policy.Create(saved.Settings) };
    }

    private static PromptInput PromptOf(Arguments arguments, string? text, InferenceEngine engine, GenerationSession session)
    {
        if (text is null) return new PromptInput([], []);
        int said = session.TokenIds.Count;
        return said == 0 ? PromptInput.Encode(arguments, text, engine.Tokenizer, session.Capacity) : PromptInput.EncodeFurther(arguments, text, engine.Tokenizer, said, session.Capacity);
    }
}
