using System.Diagnostics;
using KvPolicy.Inference.Devices;
using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Generation;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference;

/// <summary>How an engine is set up.</summary>
/// <param name="Device"><c>auto, cpu, simulator, cuda</c> or <c>opencl</c>.</param>
/// <param name="Threads">Threads of the host; 0 for one a core.</param>
/// <param name="Tokenizer">Tokenizer instead of the model's own, or null.</param>
public sealed record EngineOptions(string Device = "auto", int Threads = 0, string? Tokenizer = null);

/// <summary>Receives the logits of one position.</summary>
/// <param name="position">Position whose next token the logits predict.</param>
/// <param name="logits">[vocabulary]; valid during the call.</param>
public delegate void LogitsHandler(int position, ReadOnlySpan<float> logits);

/// <summary>
/// A model on a device: generates text through a cache that a policy compresses, or feeds given tokens and shows the logits.
/// <code>
/// using var engine = InferenceEngine.Load("embedded");
/// var prompt = engine.Tokenizer.Encode(" Q : flag of desia ? A :", new EncodeOptions(ParseSpecial: true, AddSpecial: true));
/// var result = engine.Generate(new GenerationRequest { Prompt = [.. prompt.Select(t => t.Id)], Policy = new SnapKv { Keep = 0.5 } });
/// </code>
/// One call at a time, which is held: give each thread an engine of its own over one model, see <see cref="Over"/>.
/// </summary>
public sealed partial class InferenceEngine : IDisposable
{
    private readonly OpenedDevice _device;
    private readonly Transformer _transformer;
    private readonly bool _ownsModel;
    private readonly double _loadSeconds;

    private InferenceEngine(Model model, bool ownsModel, OpenedDevice device, long started)
    {
        (Model, _ownsModel, _device) = (model, ownsModel, device);
        _transformer = new Transformer(model, device.Ops);
        _loadSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>Text to ids and back.</summary>
    public ITextTokenizer Tokenizer => Model.Tokenizer;

    /// <summary>Where it runs.</summary>
    public string Device => _device.Ops.Device;

    /// <summary>Loads a model onto a device.</summary>
    /// <param name="model">A .gguf, a Hugging Face folder, a llama2.c .bin, <c>hf:ORG/NAME</c> (<see cref="Hub.HubModel"/>), or <c>embedded</c>.</param>
    /// <param name="options">Device, threads, tokenizer.</param>
    /// <exception cref="ModelFormatException">The files cannot be used.</exception>
    /// <exception cref="Hub.HubException">A model of the hub cannot be had.</exception>
    /// <exception cref="DeviceException">The device cannot be used.</exception>
    public static InferenceEngine Load(string model, EngineOptions? options = null)
    {
        options ??= new EngineOptions();
        long started = Stopwatch.GetTimestamp();
        OpenedDevice device = EngineDevices.Open(options.Device, options.Threads);
        Model? loaded = null;
        try
        {
            loaded = ModelLoader.Load(model, options.Tokenizer);
            return new InferenceEngine(loaded, ownsModel: true, device, started);
        }
        catch
        {
            loaded?.Dispose();
            device.Ops.Dispose();
            throw;
        }
    }

    /// <summary>Puts a loaded model onto a device; the caller keeps the model.</summary>
    /// <param name="model">The model; outlives the engine.</param>
    /// <param name="options">Device and threads.</param>
    /// <exception cref="DeviceException">The device cannot be used.</exception>
    public static InferenceEngine Over(Model model, EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new EngineOptions();
        long started = Stopwatch.GetTimestamp();
        return new InferenceEngine(model, ownsModel: false, EngineDevices.Open(options.Device, options.Threads), started);
    }

    /// <summary>Prefills the prompt, compresses, generates.</summary>
    /// <param name="request">Prompt, policy, sampling.</param>
    /// <param name="cancellation">Looked at between chunks of the prefill and between tokens.</param>
    /// <exception cref="ArgumentException">The prompt is empty, longer than the context, or the shots are not one number a token.</exception>
    /// <exception cref="InvalidOperationException">The policy had something to evict, and did not run.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public GenerationResult Generate(GenerationRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfNegative(request.MaxTokens);
        using Call call = Enter();
        using Sequence sequence = Begin(request, request.MaxTokens);
        return Finish(sequence, request, sequence.Prefill(Context(request), all: null, request.Progress, cancellation), cancellation);
    }

    /// <summary>Generates as <see cref="Generate(GenerationRequest, CancellationToken)"/> does, and shows which tokens every layer and KV head kept, and the scores that decided.</summary>
    /// <param name="request">Prompt, policy, sampling; the whole prompt is compressed.</param>
    /// <param name="cancellation">Looked at between chunks of the prefill and between tokens.</param>
    /// <exception cref="ArgumentException">As <see cref="Generate(GenerationRequest, CancellationToken)"/>.</exception>
    /// <exception cref="InvalidOperationException">The policy had something to evict, and did not run.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Inspection Inspect(GenerationRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfNegative(request.MaxTokens);
        if (request.ContextTokens is not null) throw new ArgumentException("An inspection compresses the whole prompt: leave the context's length out.", nameof(request));
        using Call call = Enter();
        using Sequence sequence = Begin(request, request.MaxTokens, recordScores: true);
        var inspector = new Inspector(sequence, request, Model);
        ReadOnlySpan<float> logits = sequence.Prefill([.. request.Prompt], all: null, request.Progress, cancellation);
        inspector.LookAfterPrefill();
        return inspector.Finish(Finish(sequence, request, logits, cancellation));
    }

    /// <summary>
    /// Runs a prompt once through the model with a full cache, and keeps what policies read of it, so that many policies can be tried on it
    /// without running it again. For devices where sequences can be forked: the host.
    /// </summary>
    /// <param name="prompt">[n] ids.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <exception cref="ArgumentException">As <see cref="Generate(GenerationRequest, CancellationToken)"/>.</exception>
    /// <exception cref="NotSupportedException">The device cannot fork a sequence.</exception>
    public PrefilledPrompt Prefill(IReadOnlyList<int> prompt, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        using Call call = Enter();
        Sequence sequence = Begin(new PromptRequest { Prompt = prompt }, 0, record: true);
        try
        {
            float[] logits = sequence.Prefill([.. prompt], all: null, progress: null, cancellation).ToArray();
            if (!sequence.Store.CanContinue) throw new NotSupportedException($"{Device} cannot fork a sequence; use the cpu device.");
            return new PrefilledPrompt(prompt, sequence, logits);
        }
        catch
        {
            sequence.Dispose();
            throw;
        }
    }

    /// <summary>Compresses a prompt that was run already, and generates: the same tokens as <see cref="Generate(GenerationRequest, CancellationToken)"/>.</summary>
    /// <param name="prefilled">Of this engine; stays as it is.</param>
    /// <param name="request">Its prompt is the prefilled one; the schedule is LayerMajor.</param>
    /// <param name="cancellation">Looked at between tokens.</param>
    /// <exception cref="ArgumentException">Another prompt or schedule.</exception>
    /// <exception cref="InvalidOperationException">The policy had something to evict, and did not run.</exception>
    public GenerationResult Generate(PrefilledPrompt prefilled, GenerationRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prefilled);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfNegative(request.MaxTokens);
        if (!ReferenceEquals(prefilled.Prompt, request.Prompt) && !prefilled.Prompt.SequenceEqual(request.Prompt)) throw new ArgumentException("The request has another prompt than the one that was prefilled.", nameof(request));
        if (request.Schedule != PrefillSchedule.LayerMajor) throw new ArgumentException("A prefilled prompt is compressed layer by layer: leave the schedule out.", nameof(request));
        int context = Context(request).Length;
        using Call call = Enter();
        using Sequence sequence = prefilled.Sequence.Fork(Options(request, request.MaxTokens), context);
        return Finish(sequence, request, prefilled.Logits, cancellation);
    }

    /// <summary>Prefills a prompt and hands over the logits of all its positions.</summary>
    /// <param name="request">The prompt; a policy compresses after each layer, which no row of the prompt sees.</param>
    /// <param name="receive">Called for positions 0 .. n - 1 in turn.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <exception cref="ArgumentException">As <see cref="Generate(GenerationRequest, CancellationToken)"/>.</exception>
    public void AllLogits(PromptRequest request, LogitsHandler receive, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(receive);
        if (request.ContextTokens is not null) throw new ArgumentException("Logits of every position come from one prefill: leave the context's length out.", nameof(request));
        using Call call = Enter();
        using Sequence sequence = Begin(request, 0);
        sequence.Prefill([.. request.Prompt], receive, request.Progress, cancellation);
    }

    /// <summary>Prefills a prompt, compresses, then feeds given tokens one by one through the compressed cache.</summary>
    /// <param name="request">The prompt and the policy.</param>
    /// <param name="forced">Tokens that follow, whatever the logits say.</param>
    /// <param name="receive">Called for position n - 1 after the prefill, then once for each forced token.</param>
    /// <param name="cancellation">Looked at between chunks and between tokens.</param>
    /// <returns>What ran and what stayed.</returns>
    /// <exception cref="ArgumentException">As <see cref="Generate(GenerationRequest, CancellationToken)"/>.</exception>
    /// <exception cref="InvalidOperationException">The policy had something to evict, and did not run.</exception>
    public Receipt Feed(PromptRequest request, IReadOnlyList<int> forced, LogitsHandler receive, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(forced);
        ArgumentNullException.ThrowIfNull(receive);
        if (request.Prompt.Count + forced.Count > Model.Config.ContextLength)
            throw new ArgumentException($"{request.Prompt.Count} + {forced.Count} tokens are more than the model's context of {Model.Config.ContextLength}.", nameof(forced));
        using Call call = Enter();
        using Sequence sequence = Begin(request, forced.Count);
        ReadOnlySpan<float> logits = sequence.Prefill(Context(request), all: null, request.Progress, cancellation);
        var receipt = new ReceiptBuilder(sequence, request, Model.Config);
        if (Question(request) is { Length: > 0 } question) logits = sequence.Read(question, cancellation);
        receive(request.Prompt.Count - 1, logits);
        long started = Stopwatch.GetTimestamp();
        foreach (int id in forced)
        {
            cancellation.ThrowIfCancellationRequested();
            receive(sequence.Length, sequence.Decode(id));
        }

        return receipt.Finish(Device, _loadSeconds, forced.Count, Stopwatch.GetElapsedTime(started).TotalSeconds, _device.Note);
    }

    /// <summary>A sequence under the caller's control.</summary>
    /// <param name="request">Prompt and policy.</param>
    /// <param name="more">Tokens that may follow the prompt.</param>
    /// <param name="recordScores">Keep the scores that compete after the prefill.</param>
    /// <param name="record">Keep what a fork needs.</param>
    internal Sequence Begin(PromptRequest request, int more, bool recordScores = false, bool record = false)
        => new(_transformer, Options(request, more) with { RecordScores = recordScores, Record = record });

    private SequenceOptions Options(PromptRequest request, int more)
    {
        int n = request.Prompt.Count, context = Model.Config.ContextLength;
        if (n == 0) throw new ArgumentException("The prompt has no tokens.", nameof(request));
        if (n > context) throw new ArgumentException($"The prompt has {n} tokens, the model's context holds {context}.", nameof(request));
        if (request.ContextTokens is < 1 || request.ContextTokens > n) throw new ArgumentException($"A context of {request.ContextTokens} tokens is not within the prompt's 1 to {n}.", nameof(request));
        if (request.Shots.Count != 0 && request.Shots.Count != n) throw new ArgumentException($"{request.Shots.Count} shot numbers for {n} tokens.", nameof(request));
        foreach (int id in request.Prompt)
        {
            if ((uint)id >= (uint)Model.Config.VocabularySize) throw new ArgumentException($"Token id {id} is not in the vocabulary of {Model.Config.VocabularySize}.", nameof(request));
        }

        return new SequenceOptions
        {
            Capacity = (int)Math.Min((long)n + more, context),
            Policy = request.Policy,
            Shots = request.ContextTokens is { } tokens && request.Shots.Count > 0 ? [.. request.Shots.Take(tokens)] : request.Shots,
            Schedule = request.Schedule,
            ChunkRows = request.ChunkRows > 0 ? request.ChunkRows : SequenceOptions.DefaultChunkRows,
        };
    }

    private static int[] Context(PromptRequest request) => [.. request.Prompt.Take(request.ContextTokens ?? request.Prompt.Count)];

    private static int[] Question(PromptRequest request) => [.. request.Prompt.Skip(request.ContextTokens ?? request.Prompt.Count)];

    /// <summary>The question, where there is one, then tokens one by one.</summary>
    private GenerationResult Finish(Sequence sequence, GenerationRequest request, ReadOnlySpan<float> logits, CancellationToken cancellation)
    {
        var receipt = new ReceiptBuilder(sequence, request, Model.Config);
        if (Question(request) is { Length: > 0 } question) logits = sequence.Read(question, cancellation);
        var tokens = new TokenLoop(sequence, Model, new TokenLoopOptions(request.MaxTokens, request.Sampling, request.StopSequences, request.OnText));
        int read = sequence.Length;
        long started = Stopwatch.GetTimestamp();
        StopReason stop = tokens.Run(logits, cancellation);
        double decodeSeconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Receipt done = receipt.Finish(Device, _loadSeconds, sequence.Length - read, decodeSeconds, _device.Note);
        return new GenerationResult(tokens.FinishText(), tokens.Ids, request.Prompt.Count, stop, done);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">A call is at work; the engine stays.</exception>
    public void Dispose()
    {
        if (!Close()) return;
        _transformer.Dispose();
        _device.Ops.Dispose();
        if (_ownsModel) Model.Dispose();
    }
}
