using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Evaluation.Runs;

/// <summary>Task prompts as the engine takes them.</summary>
internal static class PromptTokens
{
    /// <summary>[n] ids, the start token first: as many as the prompt's shot map has entries.</summary>
    /// <exception cref="InvalidOperationException">The tokenizer is not the one that the tasks were made for.</exception>
    internal static int[] Of(TaskPrompt prompt, ITextTokenizer tokenizer)
    {
        int[] ids = [.. tokenizer.Encode(prompt.Text, new EncodeOptions(ParseSpecial: true, AddSpecial: true)).Select(token => token.Id)];
        return ids.Length == prompt.ShotOfToken.Count
            ? ids
            : throw new InvalidOperationException($"A prompt of {prompt.ShotOfToken.Count} words became {ids.Length} tokens: the tasks are made for the embedded model.");
    }
}
