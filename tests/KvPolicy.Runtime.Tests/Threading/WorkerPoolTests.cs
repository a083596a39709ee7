namespace KvPolicy.Runtime.Tests;

public class WorkerPoolTests
{
    private readonly struct Mark(int[] seen, int threads) : IWork
    {
        public void Run(int item, int worker)
        {
            if (worker < 0 || worker >= threads) throw new InvalidOperationException("no such worker");
            Interlocked.Increment(ref seen[item]);
        }
    }

    private readonly struct Fail(int at, int[] seen) : IWork
    {
        public void Run(int item, int worker)
        {
            if (item == at) throw new FormatException("item " + item);
            Interlocked.Increment(ref seen[item]);
        }
    }

    private readonly struct Nested(WorkerPool pool, int[] seen) : IWork
    {
        public void Run(int item, int worker)
        {
            var inner = new Mark(seen, pool.Threads);
            pool.Run(seen.Length, ref inner);
        }
    }

    private struct Sum : IWork
    {
        public long Total;

        public void Run(int item, int worker) => Interlocked.Add(ref Total, item);
    }

    private readonly struct Allocation(long[] first, long[] last) : IWork
    {
        public long[] First => first;

        public long[] Last => last;

        public void Run(int item, int worker) => last[worker] = GC.GetAllocatedBytesForCurrentThread();
    }

    private readonly struct Exclusive(int[] scratch) : IWork
    {
        public void Run(int item, int worker)
        {
            // Two items at once on one worker's scratch would see each other here.
            if (Interlocked.Increment(ref scratch[worker]) != 1) throw new InvalidOperationException("two items share a scratch");
            Thread.SpinWait(20);
            Interlocked.Decrement(ref scratch[worker]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_item_runs_once(int threads)
    {
        using var pool = new WorkerPool(threads);
        foreach (int items in new[] { 0, 1, 2, 3, 7, 64, 1000 })
        {
            var seen = new int[items];
            var work = new Mark(seen, threads);
            pool.Run(items, ref work);
            Assert.All(seen, count => Assert.Equal(1, count));
        }
    }

    [Fact]
    public void Many_tiny_jobs_in_a_row_end_and_lose_nothing()
    {
        using var pool = new WorkerPool(3);
        var seen = new int[4];
        for (int job = 1; job <= 20_000; job++)
        {
            var work = new Mark(seen, 3);
            pool.Run(seen.Length, ref work);
            Assert.Equal(job, seen[job % 4]);
        }
    }

    [Fact]
    public void Threads_that_went_to_sleep_wake_up()
    {
        using var pool = new WorkerPool(4);
        for (int round = 0; round < 5; round++)
        {
            Thread.Sleep(20);
            var seen = new int[100];
            var work = new Mark(seen, 4);
            pool.Run(100, ref work);
            Assert.All(seen, count => Assert.Equal(1, count));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_exception_arrives_as_it_was_and_the_pool_goes_on(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int round = 0; round < 50; round++)
        {
            var seen = new int[64];
            var work = new Fail(round, seen);
            Assert.Equal("item " + round, Assert.Throws<FormatException>(() => pool.Run(64, ref work)).Message);
            Assert.Equal(0, seen[round]);
            Assert.True(seen.Max() <= 1);
        }

        var all = new int[64];
        var after = new Mark(all, threads);
        pool.Run(64, ref after);
        Assert.All(all, count => Assert.Equal(1, count));
    }

    [Fact]
    public void A_job_within_an_item_runs_on_its_thread()
    {
        using var pool = new WorkerPool(2);
        var seen = new int[10];
        var work = new Nested(pool, seen);
        pool.Run(20, ref work);
        Assert.All(seen, count => Assert.Equal(20, count));
    }

    [Fact]
    public void What_a_job_wrote_into_its_struct_comes_back()
    {
        using var pool = new WorkerPool(2);
        var work = new Sum();
        pool.Run(101, ref work);
        Assert.Equal(5050, work.Total);
    }

    [Fact]
    public async Task Several_callers_take_turns()
    {
        using var pool = new WorkerPool(2);
        var scratch = new int[2];
        Task[] callers = [.. Enumerable.Range(0, 3).Select(caller => Task.Run(() =>
        {
            for (int job = 0; job < 300; job++)
            {
                var work = new Exclusive(scratch);
                pool.Run(1 + (job + caller) % 5, ref work);
            }
        }))];
        await Task.WhenAll(callers).WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void A_job_allocates_nothing_on_any_thread()
    {
        using var pool = new WorkerPool(2);
        var work = new Allocation(new long[2], new long[2]);
        for (int i = 0; i < 1000; i++)
        {
            pool.Run(8, ref work);
            if (i == 10) work.Last.CopyTo(work.First, 0); // the first jobs compile the code
        }

        for (int worker = 0; worker < 2; worker++)
        {
            if (work.First[worker] > 0) Assert.Equal(work.First[worker], work.Last[worker]);
        }
    }

    [Fact]
    public void A_closed_pool_refuses_work()
    {
        var pool = new WorkerPool(2);
        pool.Dispose();
        pool.Dispose();
        var work = new Sum();
        Assert.Throws<ObjectDisposedException>(() => pool.Run(1, ref work));
    }
}
