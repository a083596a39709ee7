using KvPolicy.Inference.Tests.Engine;

namespace KvPolicy.Inference.Tests.Sessions;

/// <summary>Turns of a session: what they refuse, where they can be ended, what they tell.</summary>
public class SessionTests
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 70).Select(i => 3 + i * i * 7 % 1100)];
    private static readonly SamplingOptions Drawn = new(Temperature: 3, Seed: 5);

    [Fact]
    public void What_cannot_be_fed_is_refused_and_changes_nothing()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => engine.StartSession(new SessionOptions { Capacity = engine.Model.Config.ContextLength + 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => engine.StartSession(new SessionOptions { Capacity = -1 }));
        using GenerationSession session = engine.StartSession(new SessionOptions { Capacity = 90 });
        Assert.Throws<ArgumentException>(() => session.Generate([]));
        Assert.Throws<ArgumentException>(() => session.Generate([1, 2, engine.Model.Config.VocabularySize]));
        Assert.Throws<ArgumentException>(() => session.Generate([1, 2], new TurnOptions { Shots = [0] }));
        Assert.Throws<ArgumentException>(() => session.Generate([1, 2], new TurnOptions { StopSequences = [""] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Generate([1, 2], new TurnOptions { MaxTokens = -1 }));
        Assert.Throws<InvalidOperationException>(() => session.Save("nothing.kvsession"));
        session.Generate(Prompt, new TurnOptions { MaxTokens = 5, Sampling = Drawn });
        var e = Assert.Throws<ArgumentException>(() => session.Generate([.. Enumerable.Repeat(5, 16)]));
        Assert.Contains("16 new tokens after 75", e.Message);
        Assert.Equal(75, session.TokenIds.Count);
        Assert.True(session.CanGoOn);
    }

    [Fact]
    public void A_full_session_stops_and_says_so()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        using GenerationSession session = engine.StartSession(new SessionOptions { Capacity = 72 });
        GenerationResult result = session.Generate(Prompt, new TurnOptions { Sampling = Drawn });
        Assert.Equal((StopReason.Context, 3), (result.Stop, result.GeneratedTokens));
        Assert.Equal((StopReason.Context, 0), (session.Generate([]).Stop, session.Generate([]).GeneratedTokens));
    }

    [Fact]
    public void Where_the_text_is_received_the_turn_can_be_ended_and_the_session_goes_on()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        int[] whole = [.. engine.Generate(new GenerationRequest { Prompt = Prompt, MaxTokens = 30, Sampling = Drawn with { TopK = 1 } }).TokenIds];
        Assert.InRange(whole.Length, 12, 30);
        using GenerationSession session = engine.StartSession(new SessionOptions { Capacity = 200 });
        using var source = new CancellationTokenSource();
        int pieces = 0;
        void EndAfterThree(string piece)
        {
            if (++pieces == 3) source.Cancel();
        }

        Assert.Throws<OperationCanceledException>(() => session.Generate(Prompt, new TurnOptions { Sampling = Drawn with { TopK = 1 }, OnText = EndAfterThree }, source.Token));
        Assert.Equal(3, pieces);
        int spoken = session.TokenIds.Count - Prompt.Length;
        Assert.Throws<TimeZoneNotFoundException>(() => session.Generate([], new TurnOptions { Sampling = Drawn with { TopK = 1 }, OnText = _ => throw new TimeZoneNotFoundException() }));
        Assert.True(session.CanGoOn);
        session.Generate([], new TurnOptions { MaxTokens = whole.Length - (session.TokenIds.Count - Prompt.Length), Sampling = Drawn with { TopK = 1 } });
        Assert.InRange(spoken, 3, 6);
        Assert.Equal([.. Prompt, .. whole], session.TokenIds);
    }

    [Fact]
    public void A_first_turn_that_is_cut_off_leaves_an_empty_session_a_later_one_a_broken_one()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        using GenerationSession session = engine.StartSession(new SessionOptions { Capacity = 200 });
        using var source = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => session.Generate(Prompt, new TurnOptions { Progress = _ => source.Cancel() }, source.Token));
        Assert.Empty(session.TokenIds);
        session.Generate(Prompt, new TurnOptions { MaxTokens = 2 });
        Assert.True(session.CanGoOn);
        Assert.ThrowsAny<OperationCanceledException>(() => session.Generate(Prompt, null, source.Token));
        Assert.False(session.CanGoOn);
        Assert.Contains("cannot go on", Assert.Throws<InvalidOperationException>(() => session.Generate([])).Message);
        Assert.Throws<InvalidOperationException>(() => session.Save("broken.kvsession"));
    }

    [Fact]
    public void A_call_from_within_a_call_is_refused()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        using GenerationSession session = engine.StartSession(new SessionOptions { Capacity = 200 });
        string refusal = "";
        session.Generate(Prompt, new TurnOptions { MaxTokens = 3, Sampling = Drawn, OnText = _ => refusal = Assert.Throws<InvalidOperationException>(() => session.Generate([])).Message });
        Assert.Contains("one at a time", refusal);
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Generate([]));
    }

    [Fact]
    public void A_receipt_tells_of_its_turn_alone()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        int layers = engine.Model.Config.Layers;
        using GenerationSession session = engine.StartSession(new SessionOptions { Capacity = 300, Policy = RecordingPolicy.Create(0.5, rows: 8, decodes: true, records: false) });
        Receipt first = session.Generate(Prompt, new TurnOptions { MaxTokens = 5, Sampling = Drawn }).Receipt;
        Receipt second = session.Generate([3, 4, 5, 6], new TurnOptions { MaxTokens = 9, Sampling = Drawn }).Receipt;
        Receipt third = session.Generate([], new TurnOptions { MaxTokens = 4, Sampling = Drawn }).Receipt;
        Assert.Equal((layers, 4L * layers), Launches(first));
        Assert.Equal((layers, 8L * layers), Launches(second));
        Assert.Equal((0L, 4L * layers), Launches(third));
        // 70 prompt tokens; then 5 generated and 4 new: half of each stays, and while decoding no more.
        Assert.All(first.Kept.Concat(first.KeptEnd), layer => Assert.All(layer, held => Assert.Equal(35, held)));
        Assert.All(second.Kept.Concat(second.KeptEnd).Concat(third.Kept).Concat(third.KeptEnd), layer => Assert.All(layer, held => Assert.Equal(39, held)));
        Assert.Equal(third.CacheBytes.Full, 2L * sizeof(float) * 91 * layers * engine.Model.Config.KvHeads * engine.Model.Config.HeadDim);

        static (long Score, long Decode) Launches(Receipt receipt) => (Of(receipt, "Recording.Score"), Of(receipt, "Recording.Decode"));
        static long Of(Receipt receipt, string name) => receipt.Kernels.FirstOrDefault(kernel => kernel.Name == name)?.Launches ?? 0;
    }

    [Fact]
    public void A_device_that_cannot_go_on_says_so()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("simulator"));
        Assert.False(engine.SupportsSessions);
        Assert.Contains("use the cpu device", Assert.Throws<NotSupportedException>(() => engine.StartSession()).Message);
        Assert.Throws<NotSupportedException>(() => engine.LoadSession("any"));
    }

    [Theory]
    [InlineData("one two three", "two", "one ")]
    [InlineData("one two three", "xyz|two|ne", "o")]
    [InlineData("one two three", "tow", "one two three")]
    [InlineData("aab", "ab", "a")]
    [InlineData("abcabd", "abd", "abc")]
    [InlineData("end th", "the", "end th")]
    public void Text_ends_before_the_first_stop_sequence(string said, string stops, string want)
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        var given = new List<string>();
        var text = new Generation.GeneratedText(engine.Tokenizer, stops.Split('|'), given.Add);
        bool stopped = false;
        foreach (char c in said)
        {
            if (stopped) break;
            foreach (var token in engine.Tokenizer.Encode(c.ToString(), default)) stopped |= text.Add(token.Id);
        }

        Assert.Equal(want, text.Finish());
        Assert.Equal(want, string.Concat(given));
        Assert.Equal(want != said, stopped);
    }
}
