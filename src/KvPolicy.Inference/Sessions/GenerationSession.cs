using System.Diagnostics;
using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Generation;
using KvPolicy.Inference.Sessions;

namespace KvPolicy.Inference;

/// <summary>
/// A sequence that goes on turn by turn over one compressed cache, and can be saved and loaded. Each turn feeds new tokens, brings everything
/// back to the policy's budget for the whole sequence, and generates.
/// <code>
/// using var session = engine.StartSession(new SessionOptions { Policy = new SnapKv { Keep = 0.25 } });
/// var first = session.Generate(prompt);
/// session.Save("talk.kvsession");
/// </code>
/// One call at a time, together with all other calls on the engine. Dispose it before the engine.
/// </summary>
public sealed class GenerationSession : IDisposable
{
    private readonly InferenceEngine _engine;
    private readonly SessionOptions _options;
    private readonly List<int> _ids = [];
    private readonly List<int> _shots = [];     // of each id, -1 outside; numbers of all turns
    private Sequence? _sequence;
    private float[]? _logits;                   // what the next token is drawn from, where none is pending
    private int _prompt;                        // tokens when everything was last brought to the prompt's budget
    private int _nextShot;
    private int _busy;
    private bool _disposed;
    private string? _fault;

    internal GenerationSession(InferenceEngine engine, SessionOptions options, int capacity)
        => (_engine, _options, Capacity) = (engine, options, capacity);

    /// <summary>A session that goes on with what a file held.</summary>
    internal GenerationSession(InferenceEngine engine, SessionOptions options, SessionState state, Sequence sequence)
        : this(engine, options, state.Capacity)
    {
        _ids.AddRange(state.Ids);
        _shots.AddRange(state.Shots);
        (_sequence, _logits, _prompt) = (sequence, state.Logits, state.Prompt);
        _nextShot = _shots.Count == 0 ? 0 : _shots.Max() + 1;
    }

    /// <summary>Most tokens of all turns together, evicted ones counted.</summary>
    public int Capacity { get; }

    /// <summary>The policy, or null for a full cache.</summary>
    public IKvPolicy? Policy => _options.Policy;

    /// <summary>All tokens in order, generated ones included. The last one goes through the cache with the next turn where a turn ended by its length.</summary>
    public IReadOnlyList<int> TokenIds => _ids;

    /// <summary>False where a turn was cancelled, or failed, at a point from which this session cannot go on: only <see cref="Dispose"/> is left.</summary>
    public bool CanGoOn => _fault is null && !_disposed;

    /// <summary>Keys, values and policy; null before the first turn.</summary>
    internal Sequence? Sequence => _sequence;

    /// <summary>Feeds new tokens, compresses, generates.</summary>
    /// <param name="newTokens">Ids that follow <see cref="TokenIds"/>: the end of the last turn, where the model's template has one, is theirs to bring. Empty: generation goes on where it ended, as if it had not.</param>
    /// <param name="options">Of this turn.</param>
    /// <param name="cancellation">Looked at between chunks of the new tokens (after which a session that had a turn before cannot go on) and between generated ones.</param>
    /// <returns>Text and tokens of this turn, and what it took; <see cref="GenerationResult.PromptTokens"/> counts the new tokens.</returns>
    /// <exception cref="ArgumentException">A new token is not in the vocabulary, there is no room for the new ones, the first turn has none, or the shots are not one number a token.</exception>
    /// <exception cref="InvalidOperationException">The policy had something to evict, and did not run; or an earlier turn left the session broken; or another call is going on.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult Generate(IReadOnlyList<int> newTokens, TurnOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(newTokens);
        options ??= new TurnOptions();
        Enter();
        try
        {
            using InferenceEngine.Call call = _engine.Enter();
            var loopOptions = new TokenLoopOptions(options.MaxTokens, options.Sampling, options.StopSequences, options.OnText);
            TokenLoop.Validate(loopOptions);
            Validate(newTokens, options.Shots);
            TurnStart start = _sequence is null ? TurnStart.Nothing : TurnStart.Of(_sequence);
            if (newTokens.Count > 0) Feed(newTokens, options, cancellation);
            return Run(newTokens.Count, start, loopOptions, cancellation);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Writes the session to a file: its tokens, what the cache holds of them, what the policy knows of each, and what it belongs to. It appears whole or not at all; the session goes on as it was.</summary>
    /// <param name="path">An existing file is replaced.</param>
    /// <exception cref="InvalidOperationException">Nothing was fed yet, the session is broken, or another call is going on.</exception>
    /// <exception cref="IOException">The place cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Nor with these permissions.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Locked(() => SessionWriter.Write(path, State(), _options, _engine, _sequence!.Store.HostCache));
    }

    /// <summary>As <see cref="Save(string)"/>, onto a stream whose owner puts it in its place.</summary>
    internal void Save(FileStream stream) => Locked(() => SessionWriter.Write(stream, State(), _options, _engine, _sequence!.Store.HostCache));

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _sequence?.Dispose();
        _sequence = null;
    }

    private void Locked(Action save)
    {
        Enter();
        try
        {
            if (_sequence is null) throw new InvalidOperationException("The session is empty: feed it tokens before it is saved.");
            save();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    private void Enter()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0) throw new InvalidOperationException("The session is at work on another call: one at a time.");
        if (_fault is null) return;
        Volatile.Write(ref _busy, 0);
        throw new InvalidOperationException($"The session cannot go on: {_fault}. Start a new one, or load a saved one.");
    }

    private void Validate(IReadOnlyList<int> newTokens, IReadOnlyList<int> shots)
    {
        int vocabulary = _engine.Model.Config.VocabularySize;
        if (_sequence is null && newTokens.Count == 0) throw new ArgumentException("The first turn has no tokens.", nameof(newTokens));
        if (newTokens.Count > 0 && newTokens.Count > Capacity - _ids.Count) throw new ArgumentException($"{newTokens.Count} new tokens after {_ids.Count} are more than the session's capacity of {Capacity}.", nameof(newTokens));
        if (shots.Count != 0 && shots.Count != newTokens.Count) throw new ArgumentException($"{shots.Count} shot numbers for {newTokens.Count} new tokens.", nameof(shots));
        foreach (int id in newTokens)
        {
            if ((uint)id >= (uint)vocabulary) throw new ArgumentException($"Token id {id} is not in the vocabulary of {vocabulary}.", nameof(newTokens));
        }
    }

    /// <summary>New tokens through the model, the pending one before them, then compression. <see cref="_logits"/> follow the last.</summary>
    private void Feed(IReadOnlyList<int> newTokens, TurnOptions options, CancellationToken cancellation)
    {
        int[] numbers = Renumbered(options.Shots, newTokens.Count);
        int[] shots = _nextShot == 0 && !numbers.Any(shot => shot >= 0) ? [] : [.. _shots, .. numbers];
        if (_sequence is null)
        {
            Begin(newTokens, shots, options, cancellation);
        }
        else
        {
            Continue(_sequence, newTokens, shots, cancellation);
        }

        _ids.AddRange(newTokens);
        _shots.AddRange(numbers);
        _nextShot = Math.Max(_nextShot, numbers.Max() + 1);
        _prompt = _sequence!.Length;
    }

    /// <summary>The first turn. Where it fails, the session is as empty as before.</summary>
    private void Begin(IReadOnlyList<int> newTokens, int[] shots, TurnOptions options, CancellationToken cancellation)
    {
        Sequence sequence = _engine.NewSequence(_options, Capacity, shots);
        try
        {
            _logits = sequence.Prefill([.. newTokens], all: null, options.Progress, cancellation).ToArray();
            _sequence = sequence;
        }
        catch
        {
            sequence.Dispose();
            throw;
        }
    }

    /// <summary>A further turn. Where it fails, some layers have its tokens and others do not.</summary>
    private void Continue(Sequence sequence, IReadOnlyList<int> newTokens, int[] shots, CancellationToken cancellation)
    {
        try
        {
            _logits = sequence.Continue([.. _ids.Skip(sequence.Length), .. newTokens], shots, cancellation).ToArray();
        }
        catch
        {
            _fault = "a turn was cut off while its tokens were read";
            throw;
        }
    }

    private GenerationResult Run(int newTokens, TurnStart start, TokenLoopOptions options, CancellationToken cancellation)
    {
        Sequence sequence = _sequence!;
        var request = new PromptRequest { Prompt = [], Policy = Policy, Shots = _shots };
        var receipt = new ReceiptBuilder(sequence, request, _engine.Model.Config, newTokens == 0 ? start with { Prompt = _prompt } : start);
        int read = sequence.Length;
        var tokens = new TokenLoop(sequence, _engine.Model, options) { KeepsLogits = true };
        long started = Stopwatch.GetTimestamp();
        StopReason stop = Loop(tokens, options.MaxTokens, cancellation);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Receipt done = receipt.Finish(_engine.Device, _engine.LoadSeconds, sequence.Length - read, seconds, _engine.DeviceNote);
        return new GenerationResult(tokens.FinishText(), tokens.Ids, newTokens, stop, done);
    }

    /// <summary>Generates, and notes where the sequence stands whatever ends it.</summary>
    private StopReason Loop(TokenLoop tokens, int maxTokens, CancellationToken cancellation)
    {
        Sequence sequence = _sequence!;
        bool pending = sequence.Length < _ids.Count;
        if (maxTokens == 0) return StopReason.Length;
        if (pending && sequence.Length == Capacity) return StopReason.Context;
        try
        {
            return tokens.Run(pending ? tokens.Decode(_ids[^1]) : _logits, cancellation);
        }
        catch
        {
            // Between tokens everything is in order: the last one waits for the next turn.
            if (tokens.IsInStep || tokens.Pending is null) _fault = "a step of a turn failed";
            throw;
        }
        finally
        {
            _ids.AddRange(tokens.Ids);
            _shots.AddRange(Enumerable.Repeat(-1, tokens.Ids.Count));
            _logits = tokens.Logits;
        }
    }

    private int[] Renumbered(IReadOnlyList<int> shots, int tokens)
    {
        if (shots.Count == 0) return [.. Enumerable.Repeat(-1, tokens)];
        int[] numbers = [.. new SortedSet<int>(shots.Where(shot => shot >= 0))];
        return [.. shots.Select(shot => shot < 0 ? -1 : _nextShot + Array.BinarySearch(numbers, shot))];
    }

    private SessionState State() => new()
    {
        Ids = [.. _ids],
        Shots = _nextShot == 0 ? [] : [.. _shots],
        Capacity = Capacity,
        Length = _sequence!.Length,
        Prompt = _prompt,
        Logits = _sequence.Length < _ids.Count ? null : _logits,
    };
}
