namespace KvPolicy.Evaluation.Randomness;

/// <summary>Whole numbers from <paramref name="Low"/> to <paramref name="High"/>, both ends included.</summary>
internal readonly record struct IntRange(int Low, int High)
{
    /// <summary>A range of one number.</summary>
    public static implicit operator IntRange(int only) => new(only, only);
}
