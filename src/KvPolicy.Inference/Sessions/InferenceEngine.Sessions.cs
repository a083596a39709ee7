using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Sessions;

namespace KvPolicy.Inference;

/// <content>Sessions: sequences that go on turn by turn, saved and loaded.</content>
public sealed partial class InferenceEngine
{
    private string? _fingerprint;

    /// <summary>True where sequences can go on after their prefill, so that sessions can be started: on the processor.</summary>
    public bool SupportsSessions => _device.Ops.CanContinue;

    /// <summary>Whoever shares the engine with others takes its turn here.</summary>
    internal SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>What tells this model from others.</summary>
    internal string Fingerprint => _fingerprint ??= ModelFingerprint.Of(Model);

    internal double LoadSeconds => _loadSeconds;

    internal string DeviceNote => _device.Note;

    /// <summary>Begins an empty session.</summary>
    /// <param name="options">Policy and capacity; null for a full cache.</param>
    /// <returns>The session; the caller disposes it before the engine.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is not within the model's context.</exception>
    /// <exception cref="NotSupportedException">The device cannot continue a sequence.</exception>
    public GenerationSession StartSession(SessionOptions? options = null)
    {
        options ??= new SessionOptions();
        int context = Model.Config.ContextLength;
        if (options.Capacity < 0 || options.Capacity > context) throw new ArgumentOutOfRangeException(nameof(options), options.Capacity, $"A session's capacity is 1 to {context}, the model's context; 0 chooses.");
        RequireSessions();
        return new GenerationSession(this, options, options.Capacity > 0 ? options.Capacity : Math.Min(context, SessionOptions.DefaultCapacity));
    }

    /// <summary>Goes on with a session that was saved, of this model and under the same policy: the tokens that follow are those that would have followed.</summary>
    /// <param name="path">File of <see cref="GenerationSession.Save(string)"/>.</param>
    /// <param name="policy">As it was, budgets and parameters too; null for a session without. <see cref="SavedPolicy.Read"/> tells which it was.</param>
    /// <returns>The session; the caller disposes it before the engine.</returns>
    /// <exception cref="ModelFormatException">No session, a damaged one, or one of another model or policy; the message is one line that names file, field and remedy.</exception>
    /// <exception cref="NotSupportedException">The device cannot continue a sequence.</exception>
    public GenerationSession LoadSession(string path, IKvPolicy? policy = null) => LoadSession(path, new SessionOptions { Policy = policy });

    /// <summary>As <see cref="LoadSession(string, IKvPolicy)"/>, with more to set.</summary>
    /// <param name="path">File of <see cref="GenerationSession.Save(string)"/>.</param>
    /// <param name="options">The policy as it was; a capacity, if it is to be another.</param>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is not within the model's context.</exception>
    /// <exception cref="ModelFormatException">As the other.</exception>
    /// <exception cref="NotSupportedException">The device cannot continue a sequence.</exception>
    public GenerationSession LoadSession(string path, SessionOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(options);
        int context = Model.Config.ContextLength;
        if (options.Capacity < 0 || options.Capacity > context) throw new ArgumentOutOfRangeException(nameof(options), options.Capacity, $"A session's capacity is 1 to {context}, the model's context; 0 leaves it as it was.");
        RequireSessions();
        using var reader = SessionReader.Open(path);
        SessionState state = reader.ReadState(this, options.Policy, options.Capacity);
        // Read though nothing here needs them: a file that lies is refused by whoever opens it first.
        _ = reader.ReadSettings();
        int[] shots = [.. state.Shots.Take(state.Prompt)];
        var sequence = Sequence.Resume(_transformer, SequenceOptionsOf(options, state.Capacity, shots), state.Prompt, state.Length, cache => reader.Fill(cache, state));
        return new GenerationSession(this, options, state, sequence);
    }

    /// <summary>An empty sequence for a session's first turn.</summary>
    internal Sequence NewSequence(SessionOptions options, int capacity, int[] shots) => new(_transformer, SequenceOptionsOf(options, capacity, shots));

    private static SequenceOptions SequenceOptionsOf(SessionOptions options, int capacity, int[] shots) => new()
    {
        Capacity = capacity,
        Policy = options.Policy,
        Shots = shots,
        Schedule = options.Schedule,
        ChunkRows = options.ChunkRows > 0 ? options.ChunkRows : SequenceOptions.DefaultChunkRows,
    };

    private void RequireSessions()
    {
        if (!SupportsSessions) throw new NotSupportedException($"{Device} cannot continue a sequence, so it has no sessions: use the cpu device, or generate from whole prompts.");
    }
}
