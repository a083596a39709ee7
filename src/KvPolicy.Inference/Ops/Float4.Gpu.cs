using ILGPU;
using KvPolicy.Gpu;

namespace KvPolicy.Inference.Ops;

/// <summary>Four floats that a GPU loads and stores at once.</summary>
internal struct Float4(float x, float y, float z, float w)
{
    public float X = x;
    public float Y = y;
    public float Z = z;
    public float W = w;

    /// <summary>this + a * b, component by component.</summary>
    public readonly Float4 Add(float a, Float4 b) => new(X + a * b.X, Y + a * b.Y, Z + a * b.Z, W + a * b.W);
}

/// <summary>Sums over a group of up to 128 threads, in an order that depends on nothing but the group's size.</summary>
internal static class GroupSum
{
    /// <summary>Floats of shared memory that a sum works in.</summary>
    public const int SharedFloats = 128;

    private const int Run = 16;

    /// <summary>Sum of every thread's value, known to all; called by all threads.</summary>
    /// <param name="value">This thread's.</param>
    /// <param name="shared">[<see cref="SharedFloats"/>]</param>
    public static float Of(float value, ArrayView<float> shared)
    {
        shared[Group.IdxX] = value;
        Group.Barrier();
        if (Group.IdxX % Run == 0)
        {
            float run = 0f;
            for (int i = 0; i < Run; i++) run += shared[Group.IdxX + i];
            shared[Group.IdxX] = run;
        }

        Group.Barrier();
        float sum = 0f;
        for (int i = 0; i < Group.DimX; i += Run) sum += shared[i];
        Group.Barrier();
        return sum;
    }
}
