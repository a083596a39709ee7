using System.Diagnostics;
using System.Globalization;
using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Randomness;
using KvPolicy.Evaluation.Rows;
using KvPolicy.Training.Data;
using KvPolicy.Training.Judging;
using KvPolicy.Training.Model;
using KvPolicy.Training.Optimisation;
using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training.Runs;

/// <summary>The training loop. A step depends on the weights, the optimiser's state, the seed and the step's number alone.</summary>
internal sealed class Trainer : IDisposable
{
    private const int ReportEvery = 20;
    private const int MonitorEvery = 500;
    private const int MonitorPrompts = 30;
    private const int CopyWatchUntil = 500;
    private const ulong CopyWatchDomain = 4;

    private readonly TrainingOptions _options;
    private readonly Weights _weights;
    private readonly Network _network;
    private readonly Optimiser _optimiser;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly Progress _before;
    private readonly List<CurvePoint> _curve;
    private long _tokens;

    /// <summary>Starts a run, or goes on where its checkpoint stands.</summary>
    internal Trainer(TrainingOptions options)
    {
        _options = options;
        Directory.CreateDirectory(options.Folder);
        var saved = Checkpoint.Read(options);
        _before = saved?.Progress ?? new Progress(0, 0, 0, 0, []);
        (Step, _curve, _tokens) = (_before.Step, _before.Curve, _before.Tokens);
        Dictionary<string, float[]> values = saved is { } s
            ? ParameterSpec.All(TinyModel.Words).ToDictionary(spec => spec.Name, spec => s.File.Values(spec.Name))
            : Initialisation.Draw(options.Seed);
        _weights = new Weights(TinyModel.Words, values, trainable: true);
        _network = new Network(_weights);
        _optimiser = new Optimiser(_weights, saved?.File);
    }

    /// <summary>Steps done.</summary>
    internal int Step { get; private set; }

    internal Weights Weights => _weights;

    internal Network Network => _network;

    /// <summary>Where the run stands now.</summary>
    internal Progress Progress => new(
        Step, _before.Seconds + _clock.Elapsed.TotalSeconds, _before.CpuSeconds + Environment.CpuUsage.TotalTime.TotalSeconds, _tokens, _curve);

    /// <summary>Trains until the options' last step, with a line every few steps and a checkpoint every few more.</summary>
    internal void Run(TextWriter log)
    {
        if (Step > 0) log.WriteLine(Text($"going on from step {Step}"));
        (Mean reported, Mean saved) = (new Mean(), new Mean());
        long mark = Stopwatch.GetTimestamp();
        for (int last = Math.Min(_options.StopAfter, Schedule.Steps); Step < last;)
        {
            double loss = OneStep(Step);
            Step++;
            reported.Add(loss);
            saved.Add(loss);
            if (Step % ReportEvery == 0)
            {
                Report(log, reported, Stopwatch.GetElapsedTime(mark));
                mark = Stopwatch.GetTimestamp();
            }

            if (Step % _options.CheckpointEvery == 0 || Step == last) Save(log, saved);
        }
    }

    /// <summary>One step: mean cross entropy over the asked words, gradient, update. Returns the loss before the update.</summary>
    internal double OneStep(int step)
    {
        using DisposeScope scope = NewDisposeScope();
        Batch batch = Batch.Of(Curriculum.Rows(_options.Seed, step, _options.BatchTokens));
        Tensor loss = LossOf(batch);
        IList<Tensor> gradients = autograd.grad([loss], [.. _weights.Tensors]);
        _optimiser.Step([.. gradients], step);
        _tokens += batch.Ids.numel();
        return loss.item<float>();
    }

    /// <summary>Mean cross entropy over the asked words of a batch. Only their hidden states reach the output head.</summary>
    internal Tensor LossOf(Batch batch)
    {
        Tensor hidden = _network.Forward(batch.Ids).reshape(-1, TinyModel.Hidden).index_select(0, batch.Places);
        return nn.functional.cross_entropy(_network.Logits(hidden), batch.Wanted);
    }

    public void Dispose()
    {
        _optimiser.Dispose();
        _network.Dispose();
        _weights.Dispose();
    }

    private void Report(TextWriter log, Mean loss, TimeSpan time)
    {
        double speed = loss.Count * (double)_options.BatchTokens / time.TotalSeconds;
        log.WriteLine(Text($"step {Step,4}/{Schedule.Steps}  loss {loss.Take():0.0000}  {speed,6:0} tokens/s  {Progress.Seconds / 60:0.0} min"));
        log.Flush();
    }

    private void Save(TextWriter log, Mean loss)
    {
        if (Step <= CopyWatchUntil) log.WriteLine(Text($"step {Step}, loss of the copy task {CopyLoss():0.000}"));
        double[] right = Step % MonitorEvery == 0 || Step == Schedule.Steps ? Monitor(log) : [];
        _curve.Add(new CurvePoint(Step, Progress.Seconds, _tokens, loss.Take(), right));
        Checkpoint.Write(_options, _weights, _optimiser, Progress);
    }

    /// <summary>The loss on sixteen rows of the copy task that are always the same: below 1 at step 300, or retrieval is not being learnt.</summary>
    private double CopyLoss()
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        IEnumerable<TrainingRow> rows = Enumerable.Range(0, 16).Select(i => RowShapes.Write("CP", new SeededRandom(CopyWatchDomain, (ulong)i), 128));
        return LossOf(Batch.Of([.. rows])).item<float>();
    }

    private double[] Monitor(TextWriter log)
    {
        double[] right = Judge.Monitor(new Decoder(_network, [.. Enumerable.Range(0, TinyModel.Words)]), MonitorPrompts);
        IEnumerable<string> parts = EvaluationTasks.All.Zip(right, (task, share) => Text($"{task.Name} {share:0}"));
        log.WriteLine(Text($"step {Step}, {MonitorPrompts} prompts a task, % right: {string.Join("  ", parts)}"));
        return right;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A mean that starts anew when it is taken.</summary>
    private sealed class Mean
    {
        private double _sum;

        internal int Count { get; private set; }

        internal void Add(double value)
        {
            _sum += value;
            Count++;
        }

        internal double Take()
        {
            double mean = _sum / Count;
            (_sum, Count) = (0, 0);
            return mean;
        }
    }
}
