using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Policies;

namespace KvPolicy.Gpu.Tests;

/// <summary>The generated kernels of every policy agree with its host passes within 1e-5 of the largest value: on the simulator, and as PTX under two warp schedules.</summary>
public sealed class PolicyKernelTests
{
    private const double Tolerance = 1e-5;

    private static readonly SceneShape[] Shapes = [new(4, 2, 12, 40, 0), new(3, 1, 64, 101, 0), new(2, 2, 33, 70, 19)];

    public static TheoryData<string, int> Cases()
    {
        var cases = new TheoryData<string, int>();
        foreach (PolicyInfo policy in Catalog.All)
        {
            if (policy.Create(new PolicySettings()).GpuKernels.Count == 0) continue;
            for (int shape = 0; shape < Shapes.Length; shape++) cases.Add(policy.Name, shape);
        }

        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Agree_on_the_simulator(string policy, int shape) => ForEachPhase(policy, shape, (scene, expected) =>
    {
        GpuLayer layer = scene.Layer;
        ArrayView<float> scores = scene.Upload(new float[expected.Scores.Length]), pooled = scene.Upload(new float[expected.Scores.Length]);
        IGpuPasses passes = scene.Policy.LoadGpu(Simulator.Accelerator)!;
        if (scene.Decoding) passes.Decode(Simulator.Accelerator.DefaultStream, layer, scores);
        else passes.Score(Simulator.Accelerator.DefaultStream, layer, scores);
        Closeness.Check(expected.Scores, Simulator.Download(scores), ToleranceOf(policy), $"{policy} scores");
        if (scene.Policy.Plan.HasState) Closeness.Check(scene.HostStates(), scene.HeldStates(layer, Simulator.Download(layer.State)), Tolerance, $"{policy} states");
        if (expected.Pooled is null) return;
        scores.CopyFromCPU(expected.Scores);
        passes.Pool(Simulator.Accelerator.DefaultStream, scores, pooled, scene.ScoreRows, scene.Stride, First, expected.Count);
        Closeness.Check(expected.Pooled, Simulator.Download(pooled), Tolerance, $"{policy} pooled");
    });

    [SkippableTheory, MemberData(nameof(Cases))]
    public void Agree_as_PTX(string policy, int shape)
    {
#if PTX_EMULATOR
        ForEachPhase(policy, shape, (scene, expected) =>
        {
            GpuLayer layer = scene.Layer;
            ArrayView<float> scores = scene.Upload(new float[expected.Scores.Length]), pooled = scene.Upload(new float[expected.Scores.Length]);
            var arguments = new Dictionary<string, object> { ["layer"] = layer, ["scores"] = scores, ["pooled"] = pooled, ["stride"] = scene.Stride, ["first"] = First, ["count"] = expected.Count };
            List<PtxResult> left = Run(scene.Policy, scene.Decoding ? "Decode" : "Score", new Index2D((layer.MaxHeld + 31) / 32, scene.ScoreRows), arguments);
            Closeness.Check(expected.Scores, Floats(left, scores), ToleranceOf(policy), $"{policy} scores");
            if (scene.Policy.Plan.HasState) Closeness.Check(scene.HostStates(), scene.HeldStates(layer, Floats(left, layer.State)), Tolerance, $"{policy} states");
            if (expected.Pooled is null) return;
            scores.CopyFromCPU(expected.Scores);
            left = Run(scene.Policy, "Pool", new Index2D((expected.Count + 31) / 32, scene.ScoreRows), arguments);
            Closeness.Check(expected.Pooled, Floats(left, pooled), Tolerance, $"{policy} pooled");
        });
#else
        Skip.If(true, $"{policy} {shape}: the folder 'shared' beside the repository, with the PTX interpreter, is absent.");
#endif
    }

    // What is drawn has the same bits everywhere.
    private static double ToleranceOf(string policy) => policy is "RandomTokens" or "RandomShots" ? 0 : Tolerance;

    private const int First = 3;

    private sealed record Expected(float[] Scores, float[]? Pooled, int Count);

    private static void ForEachPhase(string name, int shape, Action<PolicyScene, Expected> check)
    {
        IKvPolicy policy = Catalog.All.Single(info => info.Name == name).Create(new PolicySettings());
        foreach (bool decoding in new[] { false, true })
        {
            if (decoding ? policy.Plan.Decode is null : policy.Plan.Prefill is null) continue;
            using var scene = new PolicyScene(policy, Shapes[shape], decoding);
            float[] scores = scene.HostScores();
            Assert.Contains(scores, score => score != 0);
            int count = Shapes[shape].Held - First - 5;
            bool pools = !decoding && policy.Plan.Prefill!.Pools;
            check(scene, new Expected(scores, pools ? scene.HostPool(scores, First, count) : null, count));
        }
    }

#if PTX_EMULATOR
    // As the passes launch it: views by name, the instance's numbers from where the passes keep them. Groups past the held keys find nothing to do.
    private static List<PtxResult> Run(IKvPolicy policy, string pass, Index2D grid, Dictionary<string, object> views)
    {
        GpuKernel kernel = policy.GpuKernels.Single(known => known.Name == $"{policy.Plan.Name}.{pass}");
        IGpuPasses passes = policy.LoadGpu(Simulator.Accelerator)!;
        object[] arguments = [.. kernel.Method.GetParameters().Select(parameter => views.TryGetValue(parameter.Name!, out object? view) ? view : NumberOf(passes, parameter.Name!))];
        return PtxRunner.RunUnderAllSchedules(kernel, grid, arguments);
    }

    private static object NumberOf(IGpuPasses passes, string name)
        => passes.GetType().GetField($"<{name}>P", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(passes)!;

    private static float[] Floats(List<PtxResult> left, ArrayView<float> view)
    {
        IArrayView of = view;
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(left.Single(result => ReferenceEquals(result.Buffer, of.Buffer)).Bytes)[..(int)view.Length].ToArray();
    }
#endif
}
