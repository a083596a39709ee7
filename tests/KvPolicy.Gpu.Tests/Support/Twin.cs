using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Gpu.Tests;

/// <summary>One sequence held twice, by the host's cache and compressor and by the GPU's, fed the same rows.</summary>
internal sealed class Twin : IDisposable
{
    public const int HeadDim = 12;

    private readonly WorkerPool _workers = new(1);
    private readonly Random _random;
    private readonly Func<Random, float> _score;
    private readonly int _prompt;
    private readonly Kernel<AppendArguments> _appendRows = new(Simulator.Accelerator, CacheAppendGpu.AppendRows);
    private readonly Kernel<AppendArguments> _advance = new(Simulator.Accelerator, CacheAppendGpu.Advance);
    private readonly Kernel<AppendArguments> _appendToken = new(Simulator.Accelerator, CacheAppendGpu.AppendToken);

    public Twin(PolicyPlan plan, int prompt, int seed, int layers = 1, int kvHeads = 2, int[]? shots = null, Func<Random, float>? score = null)
    {
        (_prompt, _random, _score) = (prompt, new Random(seed), score ?? (random => random.NextSingle() - 0.5f));
        var shape = new KvShape(layers, kvHeads, kvHeads, HeadDim);
        Host = new KvCache(shape, prompt + 40, plan.HasState);
        Device = new GpuKvCache(Simulator.Accelerator, shape, prompt + 40, plan.HasState);
        var facts = new PromptShape(prompt, shots ?? []);
        HostCompressor = HostCompression.Create(new ScriptedPolicy(plan), Host, facts, _workers);
        GpuCompressor = new GpuCompression(new ScriptedPolicy(plan), Device, facts, Simulator.Kernels);
    }

    public KvCache Host { get; }

    public GpuKvCache Device { get; }

    public SequenceCompressor HostCompressor { get; }

    public GpuCompression GpuCompressor { get; }

    public Twin Prefill()
    {
        for (int layer = 0; layer < Host.Shape.Layers; layer++)
        {
            Append(layer, 0, _prompt);
            HostCompressor.PrefillLayer(Host.View(layer, _prompt));
            GpuCompressor.PrefillLayer(Device.View(layer, _prompt));
        }

        HostCompressor.FinishPrefill();
        GpuCompressor.FinishPrefill(_prompt);
        return this;
    }

    public Twin PrefillChunks(int chunk)
    {
        for (int first = 0; first < _prompt; first += chunk)
        {
            int end = Math.Min(_prompt, first + chunk);
            for (int layer = 0; layer < Host.Shape.Layers; layer++)
            {
                Append(layer, first, end);
                HostCompressor.PrefillChunk(Host.View(layer, end), end == _prompt);
                GpuCompressor.PrefillChunk(Device.View(layer, end));
            }

            Check();
        }

        HostCompressor.FinishPrefill();
        GpuCompressor.FinishPrefill(_prompt);
        return this;
    }

    public Twin Decode(int steps)
    {
        for (int p = _prompt; p < _prompt + steps; p++)
        {
            for (int layer = 0; layer < Host.Shape.Layers; layer++)
            {
                Append(layer, p, p + 1);
                HostCompressor.DecodeLayer(Host.View(layer, p + 1));
                GpuCompressor.DecodeLayer(Device.View(layer, p + 1));
            }

            Check();
        }

        return this;
    }

    /// <summary>Both hold the same keys, values and states for the same positions.</summary>
    public Twin Check()
    {
        Simulator.Accelerator.Synchronize();
        for (int layer = 0; layer < Host.Shape.Layers; layer++)
        {
            LayerView host = Host.View(layer, 1);
            GpuLayer device = Device.View(layer, 1);
            int[] heldOnDevice = Simulator.Download(device.Held);
            for (int head = 0; head < Host.Shape.KvHeads; head++)
            {
                int held = Host.Held(layer, head);
                Assert.Equal((held, held), (Device.Held(layer, head), heldOnDevice[head]));
                var positions = new int[held];
                Host.CopyPositions(layer, head, positions);
                int[] slots = Device.Positions(layer, head);
                Assert.Equal(positions.Order(), slots.Order());
                for (int slot = 0; slot < held; slot++) CheckKey(host, device, head, Array.IndexOf(positions, slots[slot]), slot);
            }
        }

        return this;
    }

    public void Dispose()
    {
        Host.Dispose();
        Device.Dispose();
        GpuCompressor.Dispose();
        _workers.Dispose();
    }

    private void CheckKey(LayerView host, GpuLayer device, int head, int hostSlot, int deviceSlot)
    {
        int tile = hostSlot / 32, lane = hostSlot % 32;
        int page = Simulator.Download(device.Pages)[head * device.PageStride + deviceSlot / 32];
        float[] keys = Simulator.Download(device.Keys.SubView((long)page * HeadDim * 32, HeadDim * 32));
        float[] values = Simulator.Download(device.Values.SubView((long)page * HeadDim * 32, HeadDim * 32));
        for (int c = 0; c < HeadDim; c++)
        {
            Assert.Equal(host.Keys(head, tile)[c * 32 + lane], keys[c * 32 + deviceSlot % 32]);
            Assert.Equal(host.Values(head, tile)[lane * HeadDim + c], values[deviceSlot % 32 * HeadDim + c]);
        }

        if (device.HasState) Assert.Equal(host.State(head, tile)[lane], Simulator.Download(device.State)[page * 32 + deviceSlot % 32], 1e-5f);
    }

    private void Append(int layer, int from, int to)
    {
        int kvHeads = Host.Shape.KvHeads, rows = to - from, rowSize = 3 * kvHeads * HeadDim;
        var qkv = new float[rows * rowSize];
        for (int i = 0; i < qkv.Length; i++) qkv[i] = _score(_random);
        Host.Reserve(layer, rows);
        Device.Reserve(layer, rows);
        for (int row = 0; row < rows; row++)
        {
            for (int head = 0; head < kvHeads; head++)
            {
                int key = row * rowSize + (kvHeads + head) * HeadDim;
                Host.Append(layer, head, qkv.AsSpan(key, HeadDim), qkv.AsSpan(key + kvHeads * HeadDim, HeadDim), from + row);
            }
        }

        using MemoryBuffer1D<float, Stride1D.Dense> buffer = Simulator.Upload(qkv);
        var arguments = new AppendArguments { Layer = Device.View(layer, to), Qkv = buffer.View.AsContiguous(), RowSize = rowSize, KeyOffset = kvHeads * HeadDim, Rows = rows, FirstPosition = from };
        AcceleratorStream stream = Simulator.Accelerator.DefaultStream;
        if (rows == 1) _appendToken.Launch(stream, (kvHeads, 1), arguments);
        else
        {
            _appendRows.Launch(stream, ((rows + 31) / 32, kvHeads), arguments);
            _advance.Launch(stream, ((kvHeads + 31) / 32, 1), arguments);
        }

        Simulator.Accelerator.Synchronize();
        for (int head = 0; head < kvHeads; head++) Device.SetHeld(layer, head, Device.Held(layer, head) + rows);
    }
}
