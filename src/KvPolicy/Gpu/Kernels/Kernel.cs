using System.Reflection;
using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>Marks a static method as a GPU kernel: explicitly grouped, one argument (a struct that documents its shapes), nothing returned.</summary>
/// <param name="groupSize">Threads of a group; a multiple of 32.</param>
/// <param name="summary">Thread mapping in one line.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelAttribute(int groupSize, string summary) : Attribute
{
    public int GroupSize { get; } = groupSize;

    public string Summary { get; } = summary;
}

/// <summary>
/// A kernel of one argument, loaded for one accelerator: what the runtime's, the engine's and the generated passes launch. Counts its
/// launches, so that a receipt says what ran.
/// </summary>
/// <typeparam name="TArguments">
/// A struct of views and numbers. Every type in it must be public to ILGPU, so generated code takes a tuple:
/// <c>(GpuLayer Layer, ArrayView&lt;float&gt; Scores, float Beta)</c>.
/// </typeparam>
public sealed class Kernel<TArguments> where TArguments : struct
{
    private readonly Action<AcceleratorStream, KernelConfig, TArguments> _launch;
    private readonly GpuKernel _kernel;

    /// <summary>Compiles a kernel for an accelerator.</summary>
    /// <param name="accelerator">The accelerator.</param>
    /// <param name="method">Static method, explicitly grouped.</param>
    /// <param name="groupSize">Threads of a group.</param>
    /// <param name="name">As receipts name it; null for the method's name.</param>
    public Kernel(Accelerator accelerator, Action<TArguments> method, int groupSize, string? name = null)
    {
        _kernel = new GpuKernel(name ?? method.Method.Name, method.Method, groupSize, "");
        _launch = accelerator.LoadKernel(method);
    }

    /// <summary>Compiles a method that carries <see cref="KernelAttribute"/>; any other would escape the lists that tests and PTX work from.</summary>
    internal Kernel(Accelerator accelerator, Action<TArguments> method) : this(accelerator, method, GroupSizeOf(method.Method)) { }

    /// <summary>As receipts name it.</summary>
    public string Name => _kernel.Name;

    /// <summary>Launches so far.</summary>
    public long Launches { get; private set; }

    /// <summary>Launches <paramref name="grid"/> groups on the stream and returns at once; an empty grid is nothing to do.</summary>
    /// <param name="stream">Stream.</param>
    /// <param name="grid">Groups: x, y.</param>
    /// <param name="arguments">Views and numbers.</param>
    public void Launch(AcceleratorStream stream, Index2D grid, in TArguments arguments)
    {
        if (grid.X <= 0 || grid.Y <= 0) return;
        Launches++;
        Action? after = KernelTrace.Announce(_kernel, stream, grid, arguments);
        _launch(stream, new KernelConfig(new Index3D(grid.X, grid.Y, 1), new Index3D(_kernel.GroupSize, 1, 1)), arguments);
        after?.Invoke();
    }

    private static int GroupSizeOf(MethodInfo method)
        => method.GetCustomAttribute<KernelAttribute>()?.GroupSize
            ?? throw new ArgumentException($"{method.Name} is launched as a kernel but not marked as one.", nameof(method));
}

/// <summary>Lets a test see each launch of this thread, with everything needed to repeat it elsewhere.</summary>
internal static class KernelTrace
{
    /// <summary>Called before a launch; what it returns is called after it.</summary>
    public delegate Action? LaunchObserver(GpuKernel kernel, AcceleratorStream stream, Index2D grid, object arguments);

    [ThreadStatic]
    private static LaunchObserver? ThreadObserver;

    /// <summary>The observer of this thread, or null.</summary>
    public static LaunchObserver? Observer
    {
        get => ThreadObserver;
        set => ThreadObserver = value;
    }

    // Boxes the arguments only where somebody looks.
    public static Action? Announce<TArguments>(GpuKernel kernel, AcceleratorStream stream, Index2D grid, in TArguments arguments) where TArguments : struct
        => ThreadObserver?.Invoke(kernel, stream, grid, arguments);
}

/// <summary>Every kernel of an assembly, found by its mark.</summary>
internal static class KernelCatalog
{
    private const BindingFlags AnyStatic = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    /// <summary>Kernels of an assembly in the order of their names.</summary>
    public static IReadOnlyList<GpuKernel> Of(Assembly assembly)
        => [.. from type in assembly.GetTypes()
               from method in type.GetMethods(AnyStatic)
               let mark = method.GetCustomAttribute<KernelAttribute>()
               where mark is not null
               orderby method.Name, type.Name
               select new GpuKernel(method.Name, method, mark.GroupSize, mark.Summary)];
}
