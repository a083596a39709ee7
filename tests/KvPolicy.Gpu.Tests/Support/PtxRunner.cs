#if PTX_EMULATOR
using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using PtxEmu;

namespace KvPolicy.Gpu.Tests;

/// <summary>What a kernel left in a buffer.</summary>
/// <param name="Buffer">The buffer whose copy the kernel ran on.</param>
/// <param name="Element">Type of its elements.</param>
/// <param name="Bytes">Contents afterwards.</param>
internal sealed record PtxResult(MemoryBuffer Buffer, Type Element, byte[] Bytes);

/// <summary>Runs kernels as PTX in the interpreter, on copies of the buffers that their arguments point into.</summary>
internal static unsafe class PtxRunner
{
    /// <summary>Seeds of the warp schedules that every launch runs under.</summary>
    private static readonly int[] Schedules = [1, 20260];

    private static readonly PtxCompiler Compiler = new("sm_80");
    private static readonly Dictionary<MethodInfo, PtxModule> Modules = [];

    /// <summary>Runs a launch under every schedule with the race check on; all must leave the same bytes and no warning.</summary>
    public static List<PtxResult> RunUnderAllSchedules(GpuKernel kernel, Index2D grid, params object[] arguments)
    {
        List<PtxResult> first = Run(kernel, grid, arguments, Schedules[0]);
        foreach (int seed in Schedules[1..])
        {
            List<PtxResult> other = Run(kernel, grid, arguments, seed);
            for (int i = 0; i < other.Count; i++) Assert.True(first[i].Bytes.AsSpan().SequenceEqual(other[i].Bytes), $"{kernel.Name}: two warp schedules, two results");
        }

        return first;
    }

    private static List<PtxResult> Run(GpuKernel kernel, Index2D grid, object[] arguments, int seed)
    {
        if (!Modules.TryGetValue(kernel.Method, out PtxModule? module)) Modules[kernel.Method] = module = PtxModule.Parse(Compiler.Compile(kernel));
        using var memory = new PtxMemory();
        var copies = new Dictionary<MemoryBuffer, (PtxBuffer Copy, Type Element)>();
        PtxArg[] parameters = [.. arguments.Select(argument => Parameter(argument, memory, copies))];
        LaunchResult result = module.Launch(memory, null, new Dim3(grid.X, grid.Y), new Dim3(kernel.GroupSize), new LaunchOptions { Seed = seed, Race = true, Threads = 1 }, parameters);
        Assert.True(result.Diagnostics.Count == 0, $"{kernel.Name}: {string.Join("; ", result.Diagnostics.Keys)}");
        return [.. copies.Select(copy => new PtxResult(copy.Key, copy.Value.Element, copy.Value.Copy.Span<byte>().ToArray()))];
    }

    private static PtxArg Parameter(object argument, PtxMemory memory, Dictionary<MemoryBuffer, (PtxBuffer Copy, Type Element)> copies)
    {
        var bytes = new List<byte>();
        Marshal(argument, bytes, memory, copies);
        return PtxArg.Raw([.. bytes]);
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
}
#endif
