namespace KvPolicy.Evaluation;

/// <summary>A prompt, or what is left of it: the share of the answer that stands in the missing part is what compression can lose.</summary>
public enum PromptVariant
{
    /// <summary>The whole prompt.</summary>
    Full,

    /// <summary>Without its shots; in the long-context task without records and filler. A system line stays.</summary>
    ShotsRemoved,

    /// <summary>Without its system line; shots stay. The same as <see cref="Full"/> where a task has none.</summary>
    SystemLineRemoved,
}
