using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Cli.Output;

/// <summary>
/// A file that appears whole or not at all: written beside its place and renamed when complete. Made before the work, so that a place
/// that cannot be written is told at once; whatever ends the program early, nothing is left behind and an existing file stays as it was.
/// </summary>
internal sealed class OutputFile : IDisposable
{
    private static readonly HashSet<string> Unfinished = [];
    private readonly string _place;
    private readonly string? _beside;

    private OutputFile(string place, string? beside, FileStream stream) => (_place, _beside, Stream) = (place, beside, stream);

    /// <summary>What to write to.</summary>
    internal FileStream Stream { get; }

    /// <summary>Opens a file beside <paramref name="path"/>.</summary>
    /// <exception cref="UsageException">The place cannot be written.</exception>
    internal static OutputFile Create(string option, string path)
    {
        if (path.Length == 0) throw new UsageException($"{option}: the path is empty; name a file");
        if (Directory.Exists(path)) throw new UsageException($"{option} {path}: is a folder; name a file in it");
        try
        {
            string place = RealPath.Of(path);
            // Renaming onto a device would replace the device.
            if (IsDevice(place)) return new OutputFile(place, null, new FileStream(place, FileMode.Open, FileAccess.Write, FileShare.ReadWrite));
            string beside = $"{place}.{Path.GetRandomFileName()}.tmp";
            lock (Unfinished) Unfinished.Add(beside);
            return new OutputFile(place, beside, new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UsageException($"{option} {path}: cannot be written ({e.Message}); name a file in a folder that exists and may be written");
        }
    }

    /// <summary>The file is whole: it takes its place.</summary>
    internal void Complete()
    {
        Stream.Dispose();
        if (_beside is null) return;
        if (!OperatingSystem.IsWindows() && File.Exists(_place)) File.SetUnixFileMode(_beside, File.GetUnixFileMode(_place));
        File.Move(_beside, _place, overwrite: true);
        lock (Unfinished) Unfinished.Remove(_beside);
    }

    /// <summary>Removes what was not completed.</summary>
    public void Dispose()
    {
        try
        {
            Stream.Dispose();
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            // A full disk refuses what is in the buffer a second time; none of it is wanted any more.
        }

        if (_beside is null) return;
        lock (Unfinished)
        {
            if (Unfinished.Remove(_beside)) File.Delete(_beside);
        }
    }

    /// <summary>Removes every unfinished file: for a program that is being ended by a signal.</summary>
    internal static void RemoveUnfinished()
    {
        lock (Unfinished)
        {
            foreach (string path in Unfinished)
            {
                try { File.Delete(path); }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException) { /* nothing more can be done while dying */ }
            }

            Unfinished.Clear();
        }
    }

    private static bool IsDevice(string path) => !OperatingSystem.IsWindows() && (path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal));
}
