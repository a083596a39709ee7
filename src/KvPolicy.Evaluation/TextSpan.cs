namespace KvPolicy.Evaluation;

/// <summary>A stretch of a prompt's text.</summary>
/// <param name="Start">UTF-16 offset of its first character.</param>
/// <param name="Length">Characters.</param>
public readonly record struct TextSpan(int Start, int Length)
{
    /// <summary>Offset just behind its last character.</summary>
    public int End => Start + Length;
}
