using System.Runtime.InteropServices;

namespace KvPolicy.Cli.Output;

/// <summary>Nobody reads standard output any more (<c>| head</c>): the program ends quietly.</summary>
internal sealed class ClosedPipeException() : IOException("Standard output was closed.");

/// <summary>
/// Standard output, unbuffered. .NET's own stream hides that the reader has gone, so a program in front of <c>head</c> would work on for
/// nothing; and its FileStream keeps an offset of its own, which overwrites standard error where both go to one file.
/// </summary>
internal sealed unsafe partial class StandardOutput : Stream
{
    private const int Interrupted = 4, TryAgain = 11, TryAgainMac = 35, BrokenPipe = 32;

    /// <summary>Standard output of this process.</summary>
    internal static Stream Open() => OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : new StandardOutput();

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override void Flush() { }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint written = WriteTo(1, start + done, (nuint)(bytes.Length - done));
                if (written >= 0) done += (int)written;
                else Recover(Marshal.GetLastPInvokeError());
            }
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private static void Recover(int error)
    {
        switch (error)
        {
            case Interrupted: return;
            case TryAgain or TryAgainMac: Thread.Sleep(1); return; // a non-blocking pipe that is full
            case BrokenPipe: throw new ClosedPipeException();
            default: throw new IOException($"standard output cannot be written: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteTo(int descriptor, byte* bytes, nuint count);
}
