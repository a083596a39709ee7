using System.Runtime.InteropServices;

namespace KvPolicy.Training.Native;

/// <summary>What libtorch needs before it is loaded.</summary>
internal static class TorchLibrary
{
    private const string Version = "GLIBCXX_3.4.32";
    private const string Mark = "_ZSt21ios_base_library_initv";

    /// <summary>To be called before anything of TorchSharp is touched.</summary>
    /// <exception cref="NotSupportedException">The library cannot be loaded here.</exception>
    internal static void Prepare()
    {
        WaitWithoutSpinning();
        MakeLoadable();
    }

    /// <summary>
    /// Threads that wait for each other in a spin burn, on a machine with other work, four times the processor time of the training itself.
    /// libgomp reads its environment when it is loaded, and .NET's own setter does not reach it.
    /// </summary>
    private static void WaitWithoutSpinning()
    {
        if (OperatingSystem.IsLinux()) _ = SetNativeVariable("OMP_WAIT_POLICY", "passive", overwrite: 0);
    }

    /// <summary>
    /// Makes TorchSharp loadable where the system's libstdc++ is that of GCC 12 (Debian 12). TorchSharp's library is built by GCC 13, whose
    /// &lt;iostream&gt; leaves a mark: it names one symbol of a newer libstdc++ and never calls it. The loader refuses the whole library for it.
    /// In the program's own copy the mark is made weak, which the loader passes over.
    /// </summary>
    private static void MakeLoadable()
    {
        string file = Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");
        if (!OperatingSystem.IsLinux() || !File.Exists(file) || NativeLibrary.TryLoad(file, out _)) return;
        byte[] bytes = File.ReadAllBytes(file);
        VersionNeeds needs = new(bytes);
        List<string> symbols = needs.SymbolsOf(Version);
        if (symbols is not [Mark])
        {
            throw new NotSupportedException($"{file} needs {string.Join(", ", symbols)} of {Version}: install the libstdc++ of GCC 13 or newer.");
        }

        needs.MakeWeak(Version);
        string changed = file + ".new";
        File.WriteAllBytes(changed, bytes);
        File.Move(changed, file, overwrite: true);
        if (!NativeLibrary.TryLoad(file, out _)) throw new NotSupportedException($"{file} cannot be loaded: `ldd` on it says what is missing.");
    }

    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetNativeVariable(string name, string value, int overwrite);
}
