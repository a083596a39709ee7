using ILGPU;

namespace KvPolicy.Generators.Tests.Emission;

/// <summary>One kernel for each library method that hooks may call, named after it.</summary>
public static class LibraryKernels
{
    public static void MathF_Abs(ArrayView<float> x) => x[0] = MathF.Abs(x[1]);

    public static void MathF_Ceiling(ArrayView<float> x) => x[0] = MathF.Ceiling(x[1]);

    public static void MathF_Cos(ArrayView<float> x) => x[0] = MathF.Cos(x[1]);

    public static void MathF_Exp(ArrayView<float> x) => x[0] = MathF.Exp(x[1]);

    public static void MathF_Floor(ArrayView<float> x) => x[0] = MathF.Floor(x[1]);

    public static void MathF_Log(ArrayView<float> x) => x[0] = MathF.Log(x[1]);

    public static void MathF_Log10(ArrayView<float> x) => x[0] = MathF.Log10(x[1]);

    public static void MathF_Max(ArrayView<float> x) => x[0] = MathF.Max(x[1], x[2]);

    public static void MathF_Min(ArrayView<float> x) => x[0] = MathF.Min(x[1], x[2]);

    public static void MathF_Round(ArrayView<float> x) => x[0] = MathF.Round(x[1]);

    public static void MathF_Sin(ArrayView<float> x) => x[0] = MathF.Sin(x[1]);

    public static void MathF_Sqrt(ArrayView<float> x) => x[0] = MathF.Sqrt(x[1]);

    public static void MathF_Tanh(ArrayView<float> x) => x[0] = MathF.Tanh(x[1]);

    public static void MathF_Cosh(ArrayView<float> x) => x[0] = MathF.Cosh(x[1]);

    public static void MathF_Sinh(ArrayView<float> x) => x[0] = MathF.Sinh(x[1]);

    public static void MathF_Truncate(ArrayView<float> x) => x[0] = MathF.Truncate(x[1]);

    public static void Math_Abs(ArrayView<float> x) => x[0] = Math.Abs(x[1]);

    public static void Math_Max(ArrayView<float> x) => x[0] = Math.Max(x[1], x[2]) + Math.Max((int)x[3], 2);

    public static void Math_Min(ArrayView<float> x) => x[0] = Math.Min(x[1], x[2]) + Math.Min((int)x[3], 2);

    public static void Single_Abs(ArrayView<float> x) => x[0] = float.Abs(x[1]);

    public static void Single_Max(ArrayView<float> x) => x[0] = float.Max(x[1], x[2]);

    public static void Single_Min(ArrayView<float> x) => x[0] = float.Min(x[1], x[2]);

    public static void Single_Sqrt(ArrayView<float> x) => x[0] = float.Sqrt(x[1]);

    public static void Single_Exp(ArrayView<float> x) => x[0] = float.Exp(x[1]);

    public static void Single_Log(ArrayView<float> x) => x[0] = float.Log(x[1]);

    public static void Single_IsNaN(ArrayView<float> x) => x[0] = float.IsNaN(x[1]) ? 1f : 0f;

    public static void Single_IsInfinity(ArrayView<float> x) => x[0] = float.IsInfinity(x[1]) ? 1f : 0f;

    public static void Single_IsFinite(ArrayView<float> x) => x[0] = float.IsFinite(x[1]) ? 1f : 0f;

    public static void Single_IsPositiveInfinity(ArrayView<float> x) => x[0] = float.IsPositiveInfinity(x[1]) ? 1f : 0f;

    public static void Single_IsNegativeInfinity(ArrayView<float> x) => x[0] = float.IsNegativeInfinity(x[1]) ? 1f : 0f;

    public static void Int32_Abs(ArrayView<float> x) => x[0] = int.Abs((int)x[1]);

    public static void Int32_Max(ArrayView<float> x) => x[0] = int.Max((int)x[1], 2);

    public static void Int32_Min(ArrayView<float> x) => x[0] = int.Min((int)x[1], 2);
}
