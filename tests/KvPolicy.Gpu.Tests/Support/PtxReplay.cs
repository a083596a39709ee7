#if PTX_EMULATOR
using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using PtxEmu;

namespace KvPolicy.Gpu.Tests;

/// <summary>
/// While it lives, every launch of this thread also runs as PTX in the interpreter, from a copy of the same memory and under two warp
/// schedules with the race check on. What the schedules leave must be equal to the byte, and what the simulator leaves must be that too:
/// whole numbers exactly, floats within 1e-5 of the largest value.
/// </summary>
internal sealed unsafe class PtxReplay : IDisposable
{
    private const double Tolerance = 1e-5;
    private static readonly int[] Schedules = [1, 20260];
    private static readonly PtxCompiler Compiler = new("sm_80");
    private static readonly Dictionary<MethodInfo, PtxModule> Modules = [];

    private readonly Dictionary<string, int> _launches = [];

    public PtxReplay() => KernelTrace.Observer = Observe;

    /// <summary>How many launches of each kernel were replayed and agreed.</summary>
    public IReadOnlyDictionary<string, int> Launches => _launches;

    public void Dispose() => KernelTrace.Observer = null;

    private sealed record Expected(MemoryBuffer Buffer, Type Element, byte[] Bytes);

    private Action Observe(GpuKernel kernel, AcceleratorStream stream, Index2D grid, object arguments)
    {
        stream.Synchronize();
        _launches[kernel.Name] = _launches.GetValueOrDefault(kernel.Name) + 1;
        List<Expected> expected = Run(kernel, grid, arguments, Schedules[0]), other = Run(kernel, grid, arguments, Schedules[1]);
        for (int i = 0; i < other.Count; i++) Assert.True(expected[i].Bytes.AsSpan().SequenceEqual(other[i].Bytes), $"{kernel.Name}: two warp schedules, two results");
        return () =>
        {
            stream.Synchronize();
            foreach (Expected buffer in expected) Compare(kernel.Name, buffer);
        };
    }

    private static List<Expected> Run(GpuKernel kernel, Index2D grid, object arguments, int seed)
    {
        if (!Modules.TryGetValue(kernel.Method, out PtxModule? module)) Modules[kernel.Method] = module = PtxModule.Parse(Compiler.Compile(kernel));
        using var memory = new PtxMemory();
        var copies = new Dictionary<MemoryBuffer, (PtxBuffer Copy, Type Element)>();
        var parameter = new List<byte>();
        Marshal(arguments, parameter, memory, copies);
        LaunchResult result = module.Launch(memory, null, new Dim3(grid.X, grid.Y), new Dim3(kernel.GroupSize), new LaunchOptions { Seed = seed, Race = true, Threads = 1 }, PtxArg.Raw([.. parameter]));
        Assert.True(result.Diagnostics.Count == 0, $"{kernel.Name}: {string.Join("; ", result.Diagnostics.Keys)}");
        return [.. copies.Select(copy => new Expected(copy.Key, copy.Value.Element, copy.Value.Copy.Span<byte>().ToArray()))];
    }

    // As ILGPU lays a parameter out: fields in the order of their places in memory at their natural alignment, a view as pointer and 64-bit
    // length. The runtime places a tuple's numbers before the structs that hold references.
    private static int Marshal(object value, List<byte> into, PtxMemory memory, Dictionary<MemoryBuffer, (PtxBuffer Copy, Type Element)> copies)
    {
        Type type = value.GetType();
        if (type.IsPrimitive || type.IsEnum)
        {
            byte[] bytes = value switch
            {
                int i => BitConverter.GetBytes(i),
                float f => BitConverter.GetBytes(f),
                long l => BitConverter.GetBytes(l),
                _ => throw new NotSupportedException($"{type.Name} in a kernel's arguments"),
            };
            Align(into, bytes.Length);
            into.AddRange(bytes);
            return bytes.Length;
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(ArrayView<>))
        {
            Align(into, 8);
            into.AddRange(View((IArrayView)value, type.GetGenericArguments()[0], memory, copies).Bytes);
            return 8;
        }

        var inner = new List<byte>();
        int alignment = 1;
        FieldInfo[] fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        if (type.IsAutoLayout) fields = [.. fields.OrderBy(field => !field.FieldType.IsPrimitive)];
        foreach (FieldInfo field in fields)
            alignment = Math.Max(alignment, Marshal(field.GetValue(value)!, inner, memory, copies));
        Align(inner, alignment);
        Align(into, alignment);
        into.AddRange(inner);
        return alignment;
    }

    private static PtxArg View(IArrayView view, Type element, PtxMemory memory, Dictionary<MemoryBuffer, (PtxBuffer Copy, Type Element)> copies)
    {
        if (!copies.TryGetValue(view.Buffer, out (PtxBuffer Copy, Type Element) known))
        {
            known = (memory.Alloc(new ReadOnlySpan<byte>((void*)view.Buffer.NativePtr, checked((int)view.Buffer.LengthInBytes))), element);
            copies[view.Buffer] = known;
        }

        long first = (long)view.GetType().GetProperty("Index", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!.GetValue(view)!;
        return PtxArg.View(known.Copy, view.ElementSize, first * view.ElementSize, view.Length);
    }

    private static void Align(List<byte> bytes, int alignment)
    {
        while (bytes.Count % alignment != 0) bytes.Add(0);
    }

    private static void Compare(string kernel, Expected expected)
    {
        var actual = new ReadOnlySpan<byte>((void*)expected.Buffer.NativePtr, expected.Bytes.Length);
        if (expected.Element == typeof(float)) Closeness.Check(MemoryMarshal.Cast<byte, float>(expected.Bytes), MemoryMarshal.Cast<byte, float>(actual), Tolerance, kernel);
        else Assert.True(actual.SequenceEqual(expected.Bytes), $"{kernel}: PTX and simulator differ in {expected.Element.Name}");
    }
}
#endif
