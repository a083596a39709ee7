using System.Diagnostics;
using System.Globalization;
using KvPolicy.Policies;

namespace KvPolicy.Benchmarks.Peers;

/// <summary>The same GGUF file through llama.cpp and through this engine in turn, A B A B: load, prefill, decode at some depths, the first greedy ids.</summary>
internal sealed class PeerComparison(PeerOptions options)
{
    private const string GreedyPrompt = "The three primary colours are";
    private const int GreedyIds = 32;

    // Threads of the side that just ran may still spin.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(100);

    private readonly IKvPolicy _policy = Catalog.All.Single(p => p.Name == options.Policy).Create(new PolicySettings { Keep = Budget.OfRatio(decimal.Parse(options.Keep, CultureInfo.InvariantCulture)) });

    /// <summary>Measures everything and prints as it goes.</summary>
    internal void Run()
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(options.Model)}, {options.Threads} threads, median of {options.Pairs} turns (least to greatest)"));
        Load();
        IPeer[] peers = [new LlamaPeer(options.Model, options.Threads, flash: false), new LlamaPeer(options.Model, options.Threads, flash: true), new KvPolicyPeer(options.Model, options.Threads, null), new KvPolicyPeer(options.Model, options.Threads, _policy)];
        try
        {
            var ours = (KvPolicyPeer)peers[2];
            Greedy(peers[..3], ours.Tokenize(GreedyPrompt));
            int[] ids = Ids(ours.Vocabulary, ours.Context);
            foreach (int length in options.Prefills) Prefill(peers, ids, length);
            foreach (int depth in options.Depths) Decode(peers, ids, depth);
        }
        finally
        {
            foreach (IPeer peer in peers) peer.Dispose();
        }
    }

    private void Load()
    {
        var samples = new Dictionary<string, Samples>();
        for (int turn = 0; turn <= options.Pairs; turn++)
        {
            // The first turn brings the file into memory and the code into being.
            Time(turn > 0 ? Of(samples, "llama.cpp") : new Samples(), 1000, () => new LlamaPeer(options.Model, options.Threads, flash: false).Dispose());
            Time(turn > 0 ? Of(samples, "KvPolicy") : new Samples(), 1000, () => new KvPolicyPeer(options.Model, options.Threads, null).Dispose());
        }

        Print("load, milliseconds", samples, higherIsBetter: false);
    }

    private static void Greedy(IPeer[] peers, int[] prompt)
    {
        foreach (IPeer peer in peers)
        {
            peer.Begin(prompt.Length + GreedyIds);
            var ids = new List<int> { peer.Prefill(prompt) };
            while (ids.Count < GreedyIds) ids.Add(peer.Decode(ids[^1]));
            Console.WriteLine($"greedy ids, {peer.Name}: {string.Join(' ', ids)}");
        }
    }

    private void Prefill(IPeer[] peers, int[] ids, int length)
    {
        var samples = new Dictionary<string, Samples>();
        for (int turn = 0; turn <= options.Pairs; turn++)
        {
            foreach (IPeer peer in peers)
            {
                peer.Begin(length);
                Time(turn > 0 ? Of(samples, peer.Name) : new Samples(), -length, () => peer.Prefill(ids.AsSpan(0, length)));
                peer.Begin(1);
            }
        }

        Print($"prefill {length}, tokens a second", samples, higherIsBetter: true);
    }

    private void Decode(IPeer[] peers, int[] ids, int depth)
    {
        // An empty cache cannot be prefilled: one token stands for it.
        int start = Math.Max(depth, 1);
        foreach (IPeer peer in peers)
        {
            peer.Begin(start + (options.Pairs + 1) * options.Burst);
            peer.Prefill(ids.AsSpan(0, start));
        }

        var samples = new Dictionary<string, Samples>();
        for (int turn = 0; turn <= options.Pairs; turn++)
        {
            int from = start + turn * options.Burst;
            foreach (IPeer peer in peers)
            {
                Time(turn > 0 ? Of(samples, peer.Name) : new Samples(), -options.Burst, () =>
                {
                    foreach (int id in ids.AsSpan(from, options.Burst)) peer.Decode(id);
                });
            }
        }

        foreach (IPeer peer in peers) peer.Begin(1);
        Print($"decode at {depth}, tokens a second", samples, higherIsBetter: true);
    }

    // A positive scale gives a duration in its unit, a negative one a rate of so many things.
    private static void Time(Samples samples, double scale, Action work)
    {
        Thread.Sleep(Rest);
        long start = Stopwatch.GetTimestamp();
        work();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        samples.Add(scale > 0 ? seconds * scale : -scale / seconds);
    }

    private static Samples Of(Dictionary<string, Samples> samples, string name)
        => samples.TryGetValue(name, out Samples? found) ? found : samples[name] = new Samples();

    private static void Print(string what, Dictionary<string, Samples> samples, bool higherIsBetter)
    {
        Console.WriteLine(what);
        IEnumerable<double> peers = samples.Where(s => s.Key.StartsWith("llama", StringComparison.Ordinal)).Select(s => s.Value.Median);
        double best = higherIsBetter ? peers.Max() : peers.Min();
        foreach ((string name, Samples values) in samples)
        {
            double ratio = higherIsBetter ? values.Median / best : best / values.Median;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-28} {values}  {ratio:0.00}x of llama.cpp at its better"));
        }
    }

    private int[] Ids(int vocabulary, int context)
    {
        var random = new Random(1);
        int most = Math.Max(options.Prefills.DefaultIfEmpty(1).Max(), options.Depths.DefaultIfEmpty(0).Max() + 1 + (options.Pairs + 1) * options.Burst);
        if (most > context) throw new ArgumentException($"{most} tokens are asked for, the model's context holds {context}: fewer --pairs or lower --depth");
        return [.. Enumerable.Range(0, most).Select(_ => random.Next(vocabulary / 4, vocabulary))];
    }
}
