using System.Diagnostics;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Engine;

/// <summary>How a sequence is run.</summary>
internal sealed record SequenceOptions
{
    /// <summary>Rows of a chunk unless asked otherwise: enough to pay for unpacking the weights, few enough to stay in cache.</summary>
    internal const int DefaultChunkRows = 256;

    /// <summary>Most tokens, prompt included.</summary>
    internal required int Capacity { get; init; }

    /// <summary>The policy, or null.</summary>
    internal IKvPolicy? Policy { get; init; }

    /// <summary>[prompt] number of each token's shot, -1 outside; empty without shots.</summary>
    internal IReadOnlyList<int> Shots { get; init; } = [];

    /// <summary>Order of the prefill.</summary>
    internal PrefillSchedule Schedule { get; init; }

    /// <summary>Rows of a chunk. Under LayerMajor it changes no bit of any result.</summary>
    internal int ChunkRows { get; init; } = DefaultChunkRows;

    /// <summary>Keep the scores that compete after the prefill: <see cref="SequenceStore.Scores"/>.</summary>
    internal bool RecordScores { get; init; }

    /// <summary>Keeps what <see cref="Sequence.Fork"/> needs.</summary>
    internal bool Record { get; init; }
}

/// <summary>One sequence on a transformer: prefill a prompt, then tokens one by one. No managed allocation per decoded token on the host.</summary>
internal sealed class Sequence : IDisposable
{
    // Rows of logits at a time: [64, vocabulary] is what an answer for all positions holds.
    private const int LogitRows = 64;

    private readonly Transformer _transformer;
    private readonly SequenceOptions _options;
    private readonly IEngineOps _ops;
    private readonly RowWorkspace _token;
    private readonly DeviceMatrix _hidden;
    private readonly DeviceMatrix _logits;
    private SequenceStore? _store;

    /// <summary>An empty sequence.</summary>
    internal Sequence(Transformer transformer, SequenceOptions options)
    {
        (_transformer, _options, _ops) = (transformer, options, transformer.Ops);
        if (options.Capacity < 1 || options.Capacity > transformer.Config.ContextLength)
            throw new ArgumentOutOfRangeException(nameof(options), options.Capacity, $"The model's context holds 1 to {transformer.Config.ContextLength} tokens.");
        transformer.ReservePositions(options.Capacity);
        _token = new RowWorkspace(transformer, 1);
        _hidden = _ops.CreateMatrix(1, transformer.Config.HiddenSize);
        _logits = _ops.CreateMatrix(1, transformer.Config.VocabularySize);
    }

    /// <summary>Most tokens, prompt included.</summary>
    internal int Capacity => _options.Capacity;

    /// <summary>Tokens so far.</summary>
    internal int Length { get; private set; }

    /// <summary>Keys, values and policy; there is one from the prefill on.</summary>
    internal SequenceStore Store => _store ?? throw new InvalidOperationException("Prefill first.");

    /// <summary>Seconds of the prefill and of all rows that were appended later, the policy's passes included.</summary>
    internal double PrefillSeconds { get; private set; }

    /// <summary>Runs the prompt and compresses it.</summary>
    /// <param name="ids">[n], 1 to Capacity of them.</param>
    /// <param name="all">Receives the logits of every position; null for the last alone.</param>
    /// <param name="progress">Receives the share that is done, 0 to 1.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <returns>[vocabulary] logits of the last position; valid until the next call.</returns>
    internal ReadOnlySpan<float> Prefill(ReadOnlySpan<int> ids, LogitsHandler? all = null, Action<double>? progress = null, CancellationToken cancellation = default)
    {
        if (_store is not null) throw new InvalidOperationException("A sequence is prefilled once.");
        if (ids.Length < 1 || ids.Length > _options.Capacity) throw new ArgumentOutOfRangeException(nameof(ids), ids.Length, $"A prompt has 1 to {_options.Capacity} tokens here.");
        long start = Stopwatch.GetTimestamp();
        ModelConfig config = _transformer.Config;
        _store = _ops.CreateStore(Request(ids.Length));
        using DeviceMatrix hidden = _ops.CreateMatrix(ids.Length, config.HiddenSize);
        using (var work = new RowWorkspace(_transformer, Math.Min(ids.Length, _options.ChunkRows)))
        {
            _transformer.Embed(ids, hidden.Slice(0, ids.Length));
            if (_options.Schedule == PrefillSchedule.LayerMajor) LayerMajor(hidden, work, progress, cancellation);
            else ChunkMajor(hidden, work, progress, cancellation);
        }

        _store.FinishPrefill();
        Length = ids.Length;
        if (all is not null) ClassifyAll(hidden, all);
        _transformer.Classify(hidden.Slice(ids.Length - 1, 1), _token.Normed.Slice(0, 1), _logits.Slice(0, 1), Phase.Decode);
        ReadOnlySpan<float> logits = _ops.Read(_logits.Slice(0, 1));
        PrefillSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return logits;
    }

    /// <summary>
    /// Reads more tokens over what is held; they stay. A policy that evicts while decoding sees them one by one, as if they had been generated.
    /// </summary>
    /// <param name="ids">At least one.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <returns>[vocabulary] logits of the last one; valid until the next call.</returns>
    internal ReadOnlySpan<float> Read(ReadOnlySpan<int> ids, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(ids.Length);
        if (ids.Length > 1 && Store is { CanContinue: true, EvictsWhileDecoding: false }) return AppendRows(ids, turn: null, cancellation);
        long start = Stopwatch.GetTimestamp();
        foreach (int id in ids[..^1])
        {
            cancellation.ThrowIfCancellationRequested();
            Decode(id);
        }

        ReadOnlySpan<float> logits = Decode(ids[^1]);
        PrefillSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        return logits;
    }

    /// <summary>
    /// A further turn: the tokens join what is held, and all of it is brought back to the policy's budget for the whole sequence. The policy
    /// scores with the queries of this turn; what earlier turns evicted is gone. Where <see cref="SequenceStore.CanContinue"/>.
    /// </summary>
    /// <param name="ids">At least one.</param>
    /// <param name="shots">[Length + ids] number of each token's shot, -1 outside; empty without shots.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <returns>[vocabulary] logits of the last one; valid until the next call.</returns>
    internal ReadOnlySpan<float> Continue(ReadOnlySpan<int> ids, IReadOnlyList<int> shots, CancellationToken cancellation = default)
        => AppendRows(ids, new PromptShape(Length + ids.Length, shots), cancellation);

    /// <summary>A new sequence with the first tokens of this recorded one under another policy; <see cref="Read"/> goes on.</summary>
    /// <param name="options">Of the new sequence.</param>
    /// <param name="tokens">1 to <see cref="Length"/>.</param>
    internal Sequence Fork(SequenceOptions options, int tokens)
    {
        var fork = new Sequence(_transformer, options) { Length = tokens };
        try
        {
            long start = Stopwatch.GetTimestamp();
            fork._store = Store.Fork(fork.Request(tokens));
            fork.PrefillSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return fork;
        }
        catch
        {
            fork.Dispose();
            throw;
        }
    }

    /// <summary>A sequence that goes on where another one stood.</summary>
    /// <param name="transformer">Of the same model.</param>
    /// <param name="options">Its options; the shots are those of <paramref name="prompt"/>.</param>
    /// <param name="prompt">Tokens of the sequence when it was last brought to the prompt's budget.</param>
    /// <param name="length">Tokens that went through the cache.</param>
    /// <param name="fill">Fills the cache with what the other one held.</param>
    internal static Sequence Resume(Transformer transformer, SequenceOptions options, int prompt, int length, Action<KvCache> fill)
    {
        var sequence = new Sequence(transformer, options) { Length = length };
        try
        {
            sequence._store = sequence._ops.CreateStore(sequence.Request(prompt));
            fill(sequence._store.HostCache);
            sequence._store.Resume(length);
            return sequence;
        }
        catch
        {
            sequence.Dispose();
            throw;
        }
    }

    /// <summary>Appends one token, runs it, evicts.</summary>
    /// <param name="id">The token.</param>
    /// <returns>[vocabulary] logits that follow it; valid until the next call.</returns>
    internal ReadOnlySpan<float> Decode(int id)
    {
        SequenceStore store = Store;
        if (Length >= _options.Capacity) throw new InvalidOperationException($"The sequence is full: {_options.Capacity} tokens.");
        MatrixRows x = _hidden.Slice(0, 1);
        _transformer.Embed(new ReadOnlySpan<int>(in id), x);
        for (int layer = 0; layer < _transformer.Config.Layers; layer++) _transformer.Layer(layer, x, Length, Phase.Decode, _token, store);
        Length++;
        _transformer.Classify(x, _token.Normed.Slice(0, 1), _logits.Slice(0, 1), Phase.Decode);
        return _ops.Read(_logits.Slice(0, 1));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _store?.Dispose();
        _token.Dispose();
        _hidden.Dispose();
        _logits.Dispose();
    }

    private StoreRequest Request(int prompt)
        => new(_transformer.Config, _options.Capacity, _options.Policy, new PromptShape(prompt, _options.Shots), _options.Schedule, _options.RecordScores) { Record = _options.Record };

    private ReadOnlySpan<float> AppendRows(ReadOnlySpan<int> ids, PromptShape? turn, CancellationToken cancellation)
    {
        SequenceStore store = Store;
        if (ids.Length < 1 || ids.Length > _options.Capacity - Length) throw new ArgumentOutOfRangeException(nameof(ids), ids.Length, $"1 to {_options.Capacity - Length} more tokens fit here.");
        long start = Stopwatch.GetTimestamp();
        store.BeginRows(turn);
        using DeviceMatrix hidden = _ops.CreateMatrix(ids.Length, _transformer.Config.HiddenSize);
        using (var work = new RowWorkspace(_transformer, Math.Min(ids.Length, _options.ChunkRows)))
        {
            _transformer.Embed(ids, hidden.Slice(0, ids.Length));
            for (int layer = 0; layer < _transformer.Config.Layers; layer++)
            {
                for (int first = 0; first < ids.Length; first += work.Rows)
                {
                    cancellation.ThrowIfCancellationRequested();
                    _transformer.Layer(layer, hidden.Slice(first, Math.Min(work.Rows, ids.Length - first)), Length + first, Phase.Prefill, work, store);
                }

                if (turn is not null) store.FinishChunk(layer, last: true);
            }
        }

        if (turn is not null) store.FinishPrefill();
        Length += ids.Length;
        _transformer.Classify(hidden.Slice(ids.Length - 1, 1), _token.Normed.Slice(0, 1), _logits.Slice(0, 1), Phase.Decode);
        ReadOnlySpan<float> logits = _ops.Read(_logits.Slice(0, 1));
        PrefillSeconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
        return logits;
    }

    private void LayerMajor(DeviceMatrix hidden, RowWorkspace work, Action<double>? progress, CancellationToken cancellation)
    {
        int layers = _transformer.Config.Layers;
        for (int layer = 0; layer < layers; layer++)
        {
            for (int first = 0; first < hidden.Rows; first += work.Rows)
            {
                cancellation.ThrowIfCancellationRequested();
                int rows = Math.Min(work.Rows, hidden.Rows - first);
                _transformer.Layer(layer, hidden.Slice(first, rows), first, Phase.Prefill, work, Store);
                progress?.Invoke((layer + (double)(first + rows) / hidden.Rows) / layers);
            }

            Store.FinishLayer(layer);
        }
    }

    private void ChunkMajor(DeviceMatrix hidden, RowWorkspace work, Action<double>? progress, CancellationToken cancellation)
    {
        int layers = _transformer.Config.Layers;
        for (int first = 0; first < hidden.Rows; first += work.Rows)
        {
            int rows = Math.Min(work.Rows, hidden.Rows - first);
            for (int layer = 0; layer < layers; layer++)
            {
                cancellation.ThrowIfCancellationRequested();
                _transformer.Layer(layer, hidden.Slice(first, rows), first, Phase.Prefill, work, Store);
                Store.FinishChunk(layer, last: first + rows == hidden.Rows);
                progress?.Invoke((first + rows * (layer + 1.0) / layers) / hidden.Rows);
            }
        }
    }

    private void ClassifyAll(DeviceMatrix hidden, LogitsHandler all)
    {
        int block = Math.Min(LogitRows, hidden.Rows), vocabulary = _transformer.Config.VocabularySize;
        using DeviceMatrix normed = _ops.CreateMatrix(block, _transformer.Config.HiddenSize), logits = _ops.CreateMatrix(block, vocabulary);
        for (int first = 0; first < hidden.Rows; first += block)
        {
            int rows = Math.Min(block, hidden.Rows - first);
            _transformer.Classify(hidden.Slice(first, rows), normed.Slice(0, rows), logits.Slice(0, rows), Phase.Prefill);
            ReadOnlySpan<float> values = _ops.Read(logits.Slice(0, rows));
            for (int r = 0; r < rows; r++) all(first + r, values.Slice(r * vocabulary, vocabulary));
        }
    }
}
