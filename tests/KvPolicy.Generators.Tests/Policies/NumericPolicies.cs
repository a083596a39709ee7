using System.ComponentModel.DataAnnotations;

namespace KvPolicy.Generators.Tests.Policies;

/// <summary>Every signal in one hook, a kept set for each KV head.</summary>
[KvPolicy, Prefill(Keep = 0.5f), Decode(Keep = 0.5f, Of = Base.All), Protect(Sinks = 2)]
public sealed partial class EverySignal
{
    public static float ScorePrefill([Observe(Rows.Last, 5)] float attention, float keyNorm, float valueNorm, int position, int length, int layer, int layers, int head, float random, float beta = 0.5f)
        => attention * 100f + keyNorm - valueNorm * beta + position / (float)length + layer / (float)layers + head * 2f + random;

    public static float ScoreDecode([Observe(Rows.Current)] float attention, float keyNorm, float valueNorm, int position, int length, int layer, float layers, int head, float random, float beta = 0.5f)
        => attention * 100f + keyNorm - valueNorm * beta + position / (float)length + layer / layers + head * 2f + random;
}

/// <summary>The same, one set for a layer, sums over heads.</summary>
[KvPolicy, Prefill(Keep = 0.5f), Decode(Keep = 0.5f, Of = Base.All), Share(Scope.Layer, Reduce.Sum)]
public sealed partial class LayerSum
{
    public static float ScorePrefill([Observe(Rows.Last, 40, Reduce = Reduce.Sum)] float attention, float keyNorm, float valueNorm, float position) => attention + keyNorm - valueNorm + position / 100f;

    public static float ScoreDecode([Observe(Rows.All)] float attention, float keyNorm, float valueNorm) => attention + keyNorm - valueNorm;
}

/// <summary>Numbers for shots and tokens, by scopes of a draw.</summary>
[KvPolicy, Prefill(Unit.Shot, Keep = 0.5f), Decode(Keep = 0.5f, Of = Base.All)]
public sealed partial class Drawing
{
    public static float ScorePrefill([Draw(Scope.Layer, Unit.Shot)] float random) => random;

    public static float ScoreDecode([Draw(Scope.Model)] float random) => random;
}

/// <summary>The same, one set for a layer, whose head is 0.</summary>
[KvPolicy, Prefill(Unit.Shot, Keep = 0.5f), Decode(Keep = 0.5f, Of = Base.All), Share(Scope.Layer)]
public sealed partial class LayerDrawing
{
    public static float ScorePrefill([Draw(Scope.Model, Unit.Shot)] float random, int head) => random + head;

    public static float ScoreDecode(float random, int head) => random + head;
}

/// <summary>The same, means over heads and queries.</summary>
[KvPolicy, Prefill(Unit.Chunk, Keep = 0.5f, Chunk = 4), Decode(Keep = 0.5f, Of = Base.Prompt), Share(Scope.Layer, Reduce.Mean), Observe(Rows.All, Reduce = Reduce.Mean)]
public sealed partial class LayerMean
{
    public static float Score(float attention, float keyNorm, float valueNorm) => attention * 10f + keyNorm - valueNorm;
}

/// <summary>A window after the prefill, the running sum while decoding: two observations in one pass.</summary>
[KvPolicy, Prefill(Keep = 0.5f), Decode(Of = Base.Prompt)]
public sealed partial class WindowThenSum
{
    public static float ScorePrefill([Observe(Rows.Last, 3)] float attention) => attention;

    public static float ScoreDecode([Observe(Rows.All)] float attention) => attention;
}

/// <summary>Decoding alone: the prompt's sums start the state, and nothing is scored after the prefill.</summary>
[KvPolicy, Decode(Keep = 0.5f, Of = Base.All)]
public sealed partial class SumWhileDecoding
{
    public static float Score([Observe(Rows.All)] float attention) => attention;
}

/// <summary>A fraction of more digits than the conversion of a float to a decimal keeps.</summary>
[KvPolicy, Prefill(Keep = 0.12345678f)]
public sealed partial class EightDigits
{
    public static float Score(float keyNorm) => -keyNorm;
}

/// <summary>Instances of its own, made before anything that is generated may have been; a range whose end no float is.</summary>
[KvPolicy, Prefill(Keep = 0.5f)]
public sealed partial class OwnInstances
{
    public static readonly OwnInstances Weak = new() { Decay = 0.3f, Sinks = 4 };

    public static float Score(float keyNorm, [Range(0.1, 0.3)] float decay = 0.3f) => -keyNorm * decay;
}

/// <summary>All rows, or the last N by <c>rows=N</c>.</summary>
[KvPolicy, Prefill(Keep = 0.5f), Observe(Rows.All)]
public sealed partial class RowsOrAll
{
    public static float Score(float attention) => attention;
}
