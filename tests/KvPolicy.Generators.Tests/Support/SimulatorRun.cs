using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace KvPolicy.Generators.Tests.Support;

/// <summary>Runs a policy's kernels on the simulated device.</summary>
internal static class SimulatorRun
{
    /// <summary>Scores [heads, stride] after the prefill and after one decode step.</summary>
    public static (float[] Prefill, float[] Decode) Run(IKvPolicy policy, LayerFixture fixture)
    {
        LayerShape shape = fixture.Shape;
        using Context context = GpuContext.Create();
        using CPUAccelerator accelerator = context.GetCPUDevice(0).CreateCPUAccelerator(context);
        IGpuPasses passes = policy.LoadGpu(accelerator)!;
        int tiles = shape.Stride / 32, heads = policy.Plan.Share == Scope.Head ? shape.KvHeads : 1;
        (float[] keys, float[] values, int[] positions, int[] pages) = Pages(fixture, tiles);
        using MemoryBuffer1D<float, Stride1D.Dense> keyBuffer = accelerator.Allocate1D(keys), valueBuffer = accelerator.Allocate1D(values);
        using MemoryBuffer1D<int, Stride1D.Dense> positionBuffer = accelerator.Allocate1D(positions), pageBuffer = accelerator.Allocate1D(pages), shots = accelerator.Allocate1D(fixture.Shots);
        using MemoryBuffer1D<int, Stride1D.Dense> held = accelerator.Allocate1D(Enumerable.Repeat(shape.Tokens, shape.KvHeads).ToArray());
        using MemoryBuffer1D<float, Stride1D.Dense> state = accelerator.Allocate1D(new float[positions.Length]), queries = accelerator.Allocate1D(fixture.Queries);
        using MemoryBuffer1D<float, Stride1D.Dense> lse = accelerator.Allocate1D(fixture.LogSumExp), probabilities = accelerator.Allocate1D(fixture.Probabilities);
        using MemoryBuffer1D<float, Stride1D.Dense> scores = accelerator.Allocate1D(new float[heads * shape.Stride]);
        var layer = new GpuLayer
        {
            Keys = keyBuffer.View,
            Values = valueBuffer.View,
            Positions = positionBuffer.View,
            State = state.View,
            Pages = pageBuffer.View,
            Held = held.View,
            Queries = queries.View,
            LogSumExp = lse.View,
            Probabilities = probabilities.View,
            Shots = shots.View,
            PageStride = tiles,
            ScoreStride = shape.Stride,
            QueryHeads = shape.QueryHeads,
            KvHeads = shape.KvHeads,
            HeadDim = shape.HeadDim,
            Rows = shape.Rows,
            FirstRowPosition = shape.FirstRow,
            SlidingWindow = shape.SlidingWindow,
            Length = shape.Tokens,
            Layer = LayerShape.Layer,
            Layers = LayerShape.Layers,
            MaxHeld = shape.Tokens,
        };
        passes.Score(accelerator.DefaultStream, layer, scores.View);
        accelerator.Synchronize();
        float[] prefill = scores.GetAsArray1D();
        scores.MemSetToZero();
        passes.Decode(accelerator.DefaultStream, layer, scores.View);
        accelerator.Synchronize();
        return (prefill, scores.GetAsArray1D());
    }

    // Pages lie in the pool from the last to the first, so that a wrong page number cannot be right by chance.
    private static (float[] Keys, float[] Values, int[] Positions, int[] Pages) Pages(LayerFixture fixture, int tiles)
    {
        LayerShape shape = fixture.Shape;
        int count = shape.KvHeads * tiles, size = shape.HeadDim * 32;
        var (keys, values, positions, pages) = (new float[count * size], new float[count * size], new int[count * 32], new int[count]);
        LayerView view = fixture.Cache.View(0, shape.Tokens);
        for (int head = 0; head < shape.KvHeads; head++)
        {
            for (int tile = 0; tile < tiles; tile++)
            {
                int page = count - 1 - ((head * tiles) + tile);
                pages[(head * tiles) + tile] = page;
                view.Keys(head, tile).CopyTo(keys.AsSpan(page * size));
                view.Values(head, tile).CopyTo(values.AsSpan(page * size));
                view.Positions(head, tile).CopyTo(positions.AsSpan(page * 32));
            }
        }

        return (keys, values, positions, pages);
    }
}
