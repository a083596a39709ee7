using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace KvPolicy;

/// <summary>
/// A few threads that live as long as the engine: they spin for a moment after each job, so that a small job starts in well under a
/// microsecond, then sleep. No allocation per job. A job is over when its items are: a thread that is still asleep, or that the system has
/// put aside, holds nobody up. Jobs of several callers run one after another; a job started from within an item runs on that item's thread.
/// </summary>
public sealed unsafe class WorkerPool : IDisposable
{
    // About 30 microseconds: longer than the gaps between the ops of a decode step, shorter than a user notices.
    private const int SpinRounds = 2000;

    // The pool whose item this thread runs right now, and as which worker.
    [ThreadStatic]
    private static WorkerPool? InsideOf;

    [ThreadStatic]
    private static int InsideAs;

    private readonly Thread[] _threads;
    private readonly Lock _gate = new();
    private readonly AutoResetEvent[] _wake;
    private readonly int[] _asleep;
    private delegate*<void*, int, int, void> _run;
    private void* _work;
    private int _items;
    private Exception? _failure;
    private volatile bool _stopped;

    // Number of the job in the upper half, items that nobody has taken yet in the lower one. A thread takes an item by lowering it, and
    // fails where the job has changed meanwhile: so a late thread can never take an item of another job than the one it looked at.
    private long _ticket;
    private int _done;

    /// <summary>A pool of <paramref name="threads"/> threads, the caller's included; 0 for one a core.</summary>
    public WorkerPool(int threads = 0)
    {
        Threads = threads > 0 ? threads : Environment.ProcessorCount;
        _threads = new Thread[Threads - 1];
        _wake = new AutoResetEvent[Threads - 1];
        _asleep = new int[Threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _wake[i] = new AutoResetEvent(false);
            _threads[i] = new Thread(() => Loop(worker)) { IsBackground = true, Name = $"kvpolicy {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads, the caller's included.</summary>
    public int Threads { get; }

    /// <summary>Runs items 0 .. items - 1 and returns when all are done. The first exception of an item is rethrown; items not begun by then are left out.</summary>
    /// <exception cref="ObjectDisposedException">The pool is closed.</exception>
    internal void Run<TWork>(int items, ref TWork work) where TWork : struct, IWork
    {
        ObjectDisposedException.ThrowIf(_stopped, this);
        if (InsideOf == this)
        {
            for (int i = 0; i < items; i++) work.Run(i, InsideAs);
            return;
        }

        if (items <= 0) return;
        lock (_gate)
        {
            if (items == 1 || Threads == 1) RunAlone(items, ref work);
            else RunTogether(items, ref work);
        }
    }

    /// <summary>Ends the threads. Not while a job runs.</summary>
    public void Dispose()
    {
        if (_stopped) return;
        _stopped = true;
        WakeSleepers();
        foreach (Thread thread in _threads) thread.Join();
        foreach (AutoResetEvent wake in _wake) wake.Dispose();
    }

    private void RunAlone<TWork>(int items, ref TWork work) where TWork : struct, IWork
    {
        (InsideOf, InsideAs) = (this, 0);
        try
        {
            for (int i = 0; i < items; i++) work.Run(i, 0);
        }
        finally
        {
            InsideOf = null;
        }
    }

    private void RunTogether<TWork>(int items, ref TWork work) where TWork : struct, IWork
    {
        TWork local = work; // on this stack, where the collector moves nothing, whatever the caller's reference points into
        _run = &Invoke<TWork>;
        _work = Unsafe.AsPointer(ref local);
        (_items, _failure) = (items, null);
        Volatile.Write(ref _done, 0);
        Volatile.Write(ref _ticket, (((_ticket >> 32) + 1) << 32) | (uint)items);
        WakeSleepers();
        Drain(0);
        var spin = new SpinWait();
        while (Volatile.Read(ref _done) < items) spin.SpinOnce(sleep1Threshold: -1);
        work = local;
        if (_failure is not { } failure) return;
        _failure = null;
        ExceptionDispatchInfo.Throw(failure);
    }

    private static void Invoke<TWork>(void* work, int item, int worker) where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Run(item, worker);

    private void WakeSleepers()
    {
        Interlocked.MemoryBarrier();
        for (int i = 0; i < _asleep.Length; i++)
        {
            if (Volatile.Read(ref _asleep[i]) != 0) _wake[i].Set();
        }
    }

    private bool HasItems => (uint)Volatile.Read(ref _ticket) != 0;

    private void Loop(int worker)
    {
        while (!_stopped)
        {
            for (int round = 0; !HasItems && !_stopped; round++)
            {
                if (round < SpinRounds)
                {
                    Thread.SpinWait(8);
                    continue;
                }

                // Announce first, look again after: whoever starts a job does it in the other order, so one of the two sees the other.
                Interlocked.Exchange(ref _asleep[worker - 1], 1);
                if (!HasItems && !_stopped) _wake[worker - 1].WaitOne();
                Volatile.Write(ref _asleep[worker - 1], 0);
                round = 0;
            }

            Drain(worker);
        }
    }

    private void Drain(int worker)
    {
        (InsideOf, InsideAs) = (this, worker);
        while (Take(out int left))
        {
            // From here to the count of what is done, the job cannot end: its fields stay what they are.
            try
            {
                if (Volatile.Read(ref _failure) is null) _run(_work, _items - left, worker);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref _failure, e, null);
            }

            Interlocked.Increment(ref _done);
        }

        InsideOf = null;
    }

    private bool Take(out int left)
    {
        while (true)
        {
            long ticket = Volatile.Read(ref _ticket);
            left = (int)(uint)ticket;
            if (left == 0) return false;
            if (Interlocked.CompareExchange(ref _ticket, ticket - 1, ticket) == ticket) return true;
        }
    }
}
