namespace KvPolicy.Evaluation.Runs;

/// <summary>What one row made of one prompt.</summary>
/// <param name="Score">Share of the answer that is right, 0..1.</param>
/// <param name="Agreement">With the full cache, 0..1.</param>
/// <param name="Kept">Kept over compressed tokens.</param>
/// <param name="CacheBytes">After prefill and compression.</param>
internal readonly record struct RowOutcome(double Score, double Agreement, double Kept, long CacheBytes);

/// <summary>What all rows made of one prompt.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="BareTokens">Tokens of the prompt without its shots.</param>
/// <param name="Items">Answers asked for: 1, or the items of the answer.</param>
/// <param name="Full">The full cache.</param>
/// <param name="WithoutShots">The full cache on the prompt without its shots.</param>
/// <param name="Cells">One for each cell.</param>
internal sealed record InstanceOutcome(int PromptTokens, int BareTokens, int Items, RowOutcome Full, RowOutcome WithoutShots, RowOutcome[] Cells);
