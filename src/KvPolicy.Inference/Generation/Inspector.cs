using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;
using KvPolicy.Inference.Tokenization.Decoding;

namespace KvPolicy.Inference.Generation;

/// <summary>Looks at a sequence's cache after the prefill and after the last step.</summary>
internal sealed class Inspector(Sequence sequence, PromptRequest request, Model model)
{
    private readonly int _prompt = request.Prompt.Count;
    private int[][][] _kept = [];

    /// <summary>Reads what the prefill left.</summary>
    internal void LookAfterPrefill() => _kept = Held();

    /// <summary>What was seen.</summary>
    /// <param name="result">The run's result.</param>
    internal Inspection Finish(GenerationResult result)
    {
        CompressionRules? rules = request.Policy is { } policy ? new CompressionRules(policy.Plan, new PromptShape(_prompt, request.Shots)) : null;
        var bystanders = new Bystanders(rules, _prompt, sequence.Length);
        int[] untouched = bystanders.AfterPrefill();
        int[][][] end = Held();
        float[]? scores = sequence.Store.Scores;
        bool decodeEvicts = rules?.Decode is not null && sequence.Length > _prompt;
        return new Inspection
        {
            Result = result,
            Tokens = Tokens(result),
            CachedTokens = sequence.Length,
            Budget = rules?.Selector?.Budget,
            DecodeBudget = decodeEvicts ? rules!.DecodeBudget(sequence.Length) : null,
            Heads = [.. end.Select((layer, l) => layer.Select((kept, h) => new InspectedHead
            {
                Scores = ScoresOf(scores, (l * layer.Length) + h),
                Kept = _kept[l][h],
                KeptEnd = kept,
                Protected = untouched,
                ProtectedEnd = decodeEvicts ? bystanders.AtEnd(kept) : untouched,
            }).ToArray())],
            HasScores = scores is not null && scores.Any(score => !float.IsNaN(score)),
            Notes = [.. result.Receipt.Notes, .. Notes(rules, scores)],
        };
    }

    private IEnumerable<string> Notes(CompressionRules? rules, float[]? scores)
    {
        if (rules is null) yield break;
        if (rules.Selector is null) yield return $"{rules.Plan.Name} evicts nothing after the prefill: there are no scores";
        else if (scores is null) yield return "scores are recorded on the device cpu only: positions are shown without them";
        else if (request.Schedule == PrefillSchedule.ChunkMajor) yield return "under the chunk schedule a token's score is that of the last chunk in which it competed";
    }

    private float[] ScoresOf(float[]? scores, int row)
    {
        var own = new float[_prompt];
        if (scores is null) own.AsSpan().Fill(float.NaN);
        else scores.AsSpan(row * _prompt, _prompt).CopyTo(own);
        return own;
    }

    private InspectedToken[] Tokens(GenerationResult result)
    {
        var stream = new TokenStream(model.Tokenizer, skipSpecial: false, atTextStart: true);
        InspectedToken[] tokens = [.. request.Prompt.Concat(result.TokenIds).Select((id, i) => new InspectedToken(id, stream.Feed(id), i < request.Shots.Count ? request.Shots[i] : -1))];
        string rest = stream.Finish();
        if (rest.Length > 0) tokens[^1] = tokens[^1] with { Text = tokens[^1].Text + rest };
        return tokens;
    }

    private int[][][] Held()
    {
        SequenceStore store = sequence.Store;
        return [.. Enumerable.Range(0, model.Config.Layers).Select(layer => Enumerable.Range(0, model.Config.KvHeads).Select(head =>
        {
            // While decoding slots lose the order of positions.
            int[] positions = store.Positions(layer, head);
            Array.Sort(positions);
            return positions;
        }).ToArray())];
    }
}
