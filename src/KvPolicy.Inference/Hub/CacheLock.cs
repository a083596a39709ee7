namespace KvPolicy.Inference.Hub;

/// <summary>
/// Keeps two pulls from writing one file: the lock file that Python's tools lock too (.NET takes an unshared file by flock, as they do).
/// The system releases it whatever ends the process. It stays on the disk: who removed it could remove another's.
/// </summary>
internal static class CacheLock
{
    private const int WouldBlockLinux = 11, WouldBlockMac = 35, SharingViolation = 0x20, LockViolation = 0x21;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits for the lock; disposing it releases it.</summary>
    internal static async Task<IDisposable> TakeAsync(string path, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
            }
            catch (IOException e) when (IsTaken(e))
            {
                await Task.Delay(Pause, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static bool IsTaken(IOException e)
    {
        int code = e.HResult & 0xFFFF;
        return OperatingSystem.IsWindows() ? code is SharingViolation or LockViolation : code is WouldBlockLinux or WouldBlockMac;
    }
}
