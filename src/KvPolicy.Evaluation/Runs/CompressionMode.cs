namespace KvPolicy.Evaluation.Runs;

/// <summary>How much of a prompt is compressed; the rest is read over the compressed cache and stays whole.</summary>
public enum CompressionMode
{
    /// <summary>What stands before the question: the policy does not know what will be asked.</summary>
    Agnostic,

    /// <summary>
    /// All of it but its last token, the question included. That token is held back because the first token of an answer would else come from
    /// the uncompressed prefill, and short answers would hardly feel the compression.
    /// </summary>
    Aware,
}

/// <summary>What a mode means for a prompt.</summary>
internal static class CompressionModes
{
    /// <summary>n: first tokens of the prompt that are compressed.</summary>
    internal static int ContextOf(this CompressionMode mode, TaskPrompt prompt) => mode switch
    {
        CompressionMode.Agnostic => prompt.QuestionToken,
        CompressionMode.Aware => prompt.ShotOfToken.Count - 1,
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "A question is compressed, or it is not."),
    };
}
