using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Generation;

/// <summary>How a generation goes and when it ends.</summary>
/// <param name="MaxTokens">Most tokens; 0 for none.</param>
/// <param name="Sampling">How they are drawn.</param>
/// <param name="StopSequences">Texts that end it.</param>
/// <param name="OnText">Receives text as it comes; null for nobody.</param>
internal sealed record TokenLoopOptions(int MaxTokens, SamplingOptions Sampling, IReadOnlyList<string> StopSequences, Action<string>? OnText);

/// <summary>Tokens one by one. The last one that was drawn has not been through the cache unless the model ended its turn after it.</summary>
internal sealed class TokenLoop
{
    private readonly Sequence _sequence;
    private readonly IReadOnlyList<int> _endIds;
    private readonly TokenLoopOptions _options;
    private readonly Sampler _sampler;
    private readonly GeneratedText _text;
    private readonly List<int> _ids;

    /// <exception cref="ArgumentException">A stop sequence is empty, or the sampling has no meaning.</exception>
    internal TokenLoop(Sequence sequence, Model model, TokenLoopOptions options)
    {
        Validate(options);
        (_sequence, _endIds, _options) = (sequence, model.Tokenizer.EndIds, options);
        _sampler = new Sampler(options.Sampling, model.Config.VocabularySize);
        _text = new GeneratedText(model.Tokenizer, options.StopSequences, options.OnText);
        _ids = new List<int>(Math.Min(options.MaxTokens, sequence.Capacity));
    }

    /// <summary>What was generated.</summary>
    internal IReadOnlyList<int> Ids => _ids;

    /// <summary>The last token, where it was drawn and not yet decoded.</summary>
    internal int? Pending { get; private set; }

    /// <summary>Asks for <see cref="Logits"/>.</summary>
    internal bool KeepsLogits { get; init; }

    /// <summary>[vocabulary] what the next token would have been drawn from, where nothing is pending after the run.</summary>
    internal float[]? Logits { get; private set; }

    /// <summary>True within a decode step: where an exception leaves it so, the sequence is in no defined state.</summary>
    internal bool IsInStep { get; private set; }

    /// <summary>Refuses what no generation can do.</summary>
    internal static void Validate(TokenLoopOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.MaxTokens);
        options.Sampling.Validate();
        if (options.StopSequences.Any(string.IsNullOrEmpty)) throw new ArgumentException("A stop sequence is empty: it would end every generation at once.", nameof(options));
    }

    /// <summary>Generates.</summary>
    /// <param name="logits">[vocabulary] of the last token that went through the cache.</param>
    /// <param name="cancellation">Looked at between a token and its decode step.</param>
    internal StopReason Run(ReadOnlySpan<float> logits, CancellationToken cancellation)
    {
        while (_ids.Count < _options.MaxTokens)
        {
            int id = _sampler.Next(logits);
            if (_endIds.Contains(id))
            {
                Keep(logits);
                return StopReason.Eos;
            }

            _ids.Add(id);
            Pending = id;
            if (_text.Add(id)) return StopReason.Sequence;
            if (_ids.Count == _options.MaxTokens) return StopReason.Length;
            if (_sequence.Length == _sequence.Capacity) return StopReason.Context;
            cancellation.ThrowIfCancellationRequested();
            logits = Decode(id);
        }

        Keep(logits);
        return StopReason.Length;
    }

    /// <summary>Decodes a token that an earlier run left.</summary>
    internal ReadOnlySpan<float> Decode(int id)
    {
        IsInStep = true;
        ReadOnlySpan<float> logits = _sequence.Decode(id);
        (IsInStep, Pending) = (false, null);
        return logits;
    }

    /// <summary>The text, whole.</summary>
    internal string FinishText() => _text.Finish();

    private void Keep(ReadOnlySpan<float> logits)
    {
        if (KeepsLogits) Logits = logits.ToArray();
    }
}
