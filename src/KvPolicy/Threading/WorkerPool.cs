using System.Runtime.CompilerServices;

namespace KvPolicy;

/// <summary>One item of parallel work. Items write only their own outputs, so neither their order nor the number of threads changes a result.</summary>
public interface IWork
{
    /// <summary>Runs an item.</summary>
    /// <param name="item">0 .. items - 1.</param>
    /// <param name="worker">0 .. threads - 1: whose scratch to use.</param>
    void Run(int item, int worker);
}

/// <summary>A few threads that live as long as the engine: they spin for a moment after each job, so that a small job starts in well under a microsecond, then sleep. No allocation per job.</summary>
public sealed unsafe class WorkerPool : IDisposable
{
    // About 30 microseconds: longer than the gaps between the ops of a decode step, shorter than a user notices.
    private const int SpinRounds = 2000;

    private readonly Thread[] _threads;
    private readonly Lock _gate = new();
    private readonly AutoResetEvent[] _wake;
    private readonly int[] _asleep;
    private delegate*<void*, int, int, void> _run;
    private void* _work;
    private volatile int _generation;
    private int _items;
    private int _next;
    private int _running;
    private Exception? _failure;
    private volatile bool _stopped;

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

    /// <summary>Runs items 0 .. items - 1 and returns when all are done. An exception of an item is rethrown.</summary>
    public void Run<TWork>(int items, ref TWork work) where TWork : struct, IWork
    {
        if (items <= 0) return;
        if (items == 1 || Threads == 1)
        {
            for (int i = 0; i < items; i++) work.Run(i, 0);
            return;
        }

        lock (_gate)
        {
            _run = &Invoke<TWork>;
            _work = Unsafe.AsPointer(ref work); // lives on the caller's stack, and the caller waits
            (_items, _next, _failure) = (items, 0, null);
            Volatile.Write(ref _running, _threads.Length);
            _generation++;
            WakeSleepers();
            Drain(0);
            var spin = new SpinWait();
            while (Volatile.Read(ref _running) > 0) spin.SpinOnce(sleep1Threshold: -1);
            if (_failure is { } failure) throw new InvalidOperationException(failure.Message, failure);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopped = true;
        WakeSleepers();
        foreach (Thread thread in _threads) thread.Join();
        foreach (AutoResetEvent wake in _wake) wake.Dispose();
    }

    private void WakeSleepers()
    {
        Interlocked.MemoryBarrier();
        for (int i = 0; i < _asleep.Length; i++)
        {
            if (Volatile.Read(ref _asleep[i]) != 0) _wake[i].Set();
        }
    }

    private static void Invoke<TWork>(void* work, int item, int worker) where TWork : struct, IWork => Unsafe.AsRef<TWork>(work).Run(item, worker);

    private void Loop(int worker)
    {
        int seen = 0;
        while (true)
        {
            int rounds = 0;
            while (_generation == seen && !_stopped)
            {
                if (++rounds < SpinRounds) { Thread.SpinWait(8); continue; }
                // Announce first, look again after: whoever starts a job does it in the other order, so one of the two sees the other.
                Interlocked.Exchange(ref _asleep[worker - 1], 1);
                if (_generation == seen && !_stopped) _wake[worker - 1].WaitOne();
                Volatile.Write(ref _asleep[worker - 1], 0);
            }

            if (_stopped) return;
            seen = _generation;
            Drain(worker);
            Interlocked.Decrement(ref _running);
        }
    }

    private void Drain(int worker)
    {
        try
        {
            for (int item; (item = Interlocked.Increment(ref _next) - 1) < _items;) _run(_work, item, worker);
        }
        catch (Exception e)
        {
            _failure = e;
            Volatile.Write(ref _next, _items);
        }
    }
}
