using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Sessions;
using KvPolicy.Inference.Tests.Engine;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Sessions;

/// <summary>Session files that are no longer what was saved, or never were: one line each, and nothing is silently wrong.</summary>
public sealed class SessionFileTests : IDisposable
{
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 70).Select(i => 3 + i * i * 7 % 1100)];
    private readonly TemporaryFolder _folder = new();
    private readonly InferenceEngine _engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
    private readonly byte[] _honest;

    public SessionFileTests()
    {
        using GenerationSession session = _engine.StartSession(new SessionOptions { Capacity = 200, Policy = Policy() });
        session.Generate(Prompt, new TurnOptions { MaxTokens = 5, Shots = [.. Prompt.Select((_, i) => i / 20)], Sampling = new SamplingOptions(Temperature: 3, Seed: 5) });
        session.Save(_folder.At("honest"));
        _honest = File.ReadAllBytes(_folder.At("honest"));
    }

    private int Header => (int)BinaryPrimitives.ReadInt64LittleEndian(_honest);

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void An_honest_file_loads_and_a_saved_session_saves_the_same_bytes()
    {
        using GenerationSession session = _engine.LoadSession(_folder.At("honest"), Policy());
        session.Save(_folder.At("again"));
        Assert.Equal(_honest, File.ReadAllBytes(_folder.At("again")));
        Assert.Equal(2, Directory.GetFileSystemEntries(_folder.Path).Length);
    }

    [Fact]
    public void Damaged_files_are_refused_with_one_line()
    {
        var random = new Random(5);
        int unchanged = 0;
        for (int i = 0; i < 400; i++)
        {
            byte[] bytes = Mutation.Of(_honest, i % 2 == 0 ? 8 + Header : _honest.Length, random);
            if (bytes.AsSpan().SequenceEqual(_honest)) unchanged++;
            else Refused(bytes, $"{i}");
        }

        Assert.InRange(unchanged, 0, 40);
    }

    [Fact]
    public void Cut_and_empty_files_folders_and_other_files_are_refused()
    {
        for (int length = 1; length < _honest.Length; length += 1 + length / 9) Refused(_honest[..length], $"{length} bytes");
        Refused([], "empty");
        Refused(Encoding.UTF8.GetBytes("not a session at all, but long enough to be looked at: " + new string('x', 200)), "text");
        LoadAssert.OneLine(Assert.Throws<ModelFormatException>(() => _engine.LoadSession(_folder.Path, Policy())), _folder.Path);
        LoadAssert.OneLine(Assert.Throws<ModelFormatException>(() => _engine.LoadSession(_folder.At("absent"), Policy())), _folder.At("absent"));
        string model = _folder.Write("model.safetensors", TinyModel.Folder()["model.safetensors"]);
        Assert.Contains("saved session", Assert.Throws<ModelFormatException>(() => _engine.LoadSession(model, Policy())).Message);
    }

    /// <summary>Somebody who computes the checksum anew can write what they like: numbers that contradict each other are still refused.</summary>
    [Theory]
    [InlineData("\"version\":\"1\"", "\"version\":\"2\"", "version: is 2")]
    [InlineData("\"capacity\":\"200\"", "\"capacity\":\"100000000\"", "capacity")]
    [InlineData("\"capacity\":\"200\"", "\"capacity\":\"-3\"", "capacity")]
    [InlineData("\"capacity\":\"200\"", "\"capacity\":\"50\"", "capacity")]
    [InlineData("\"capacity\":\"200\"", "\"cap\":\"200\"", "missing")]
    [InlineData("\"length\":\"74\"", "\"length\":\"75\"", "logits")]
    [InlineData("\"length\":\"74\"", "\"length\":\"73\"", "length")]
    [InlineData("\"length\":\"74\"", "\"length\":\"1000000\"", "length")]
    [InlineData("\"prompt\":\"70\"", "\"prompt\":\"75\"", "prompt")]
    [InlineData("\"prompt\":\"70\"", "\"prompt\":\"0\"", "prompt")]
    [InlineData("\"policy\":\"Stateful\"", "\"policy\":\"Stateless\"", "compressed by Stateless")]
    [InlineData("\"policyKeep\":\"0.5\"", "\"policyKeep\":\"1.5\"", "")]
    [InlineData("\"policyParameters\":\"{}\"", "\"policyParameters\":\"[]\"", "policyParameters")]
    [InlineData("\"shape\":[75]", "\"shape\":[76]", "tokens")]
    [InlineData("layers.0.heads.0.keys", "layers.0.heads.0.kays", "layers.0.heads.0.keys")]
    [InlineData("layers.0.heads.0.state", "layers.9.heads.9.state", "layers.0.heads.0.state")]
    [InlineData("\"shots\":{\"dtype\":\"I32\"", "\"shots\":{\"dtype\":\"F32\"", "shots")]
    [InlineData("\"shape\":[35,32]", "\"shape\":[32,35]", "shape")]
    public void Lies_with_a_right_checksum_are_refused(string was, string isNow, string word)
    {
        string header = Encoding.UTF8.GetString(_honest, 8, Header);
        Assert.Contains(was, header);
        int at = header.IndexOf(was, StringComparison.Ordinal);
        string lie = header[..at] + isNow + header[(at + was.Length)..];
        var bytes = new byte[8 + lie.Length + _honest.Length - 8 - Header];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, lie.Length);
        Encoding.UTF8.GetBytes(lie).CopyTo(bytes, 8);
        _honest.AsSpan(8 + Header).CopyTo(bytes.AsSpan(8 + lie.Length));
        Assert.Contains(word, Refused(Sealed(bytes), was));
    }

    [Theory]
    [InlineData(0, 1 << 30, "vocabulary")]
    [InlineData(0, -1, "vocabulary")]
    [InlineData(75, 75, "shots")]
    [InlineData(75, -2, "shots")]
    public void Impossible_tokens_and_shots_are_refused(int number, int value, string word)
    {
        byte[] bytes = [.. _honest];
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8 + Header + 4 * number), value);
        Assert.Contains(word, Refused(Sealed(bytes), word));
    }

    [Fact]
    public void Positions_that_stand_twice_or_lie_ahead_are_refused()
    {
        int keys = 35 * _engine.Model.Config.HeadDim, positions = 8 + Header + 4 * (75 + 75 + 2 * keys);
        foreach (int position in new[] { -1, 74, int.MaxValue, BinaryPrimitives.ReadInt32LittleEndian(_honest.AsSpan(positions + 4)) })
        {
            byte[] bytes = [.. _honest];
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(positions), position);
            Assert.Contains("layers.0.heads.0.positions", Refused(Sealed(bytes), position.ToString(CultureInfo.InvariantCulture)));
        }
    }

    [Fact]
    public void Another_model_is_refused_by_name()
    {
        foreach ((string name, byte[] bytes) in TinyModel.Folder()) _folder.Write(name, bytes);
        using var other = InferenceEngine.Load(_folder.Path, new EngineOptions("cpu", Threads: 1));
        string path = _folder.At("honest");
        var e = Assert.Throws<ModelFormatException>(() => other.LoadSession(path, Policy()));
        LoadAssert.OneLine(e, path);
        Assert.Contains("belongs to embedded", e.Message);
    }

    [Fact]
    public void A_fingerprint_sees_one_changed_weight_of_a_small_tensor_and_every_number()
    {
        string[] prints = [.. Prints()];
        Assert.Equal(prints.Length, prints.Distinct().Count());

        IEnumerable<string> Prints()
        {
            Dictionary<string, byte[]> files = TinyModel.Folder();
            yield return Print(files);
            byte[] weights = [.. files["model.safetensors"]];
            weights[^1] ^= 1;
            yield return Print(new(files) { ["model.safetensors"] = weights });
            string config = Encoding.UTF8.GetString(files["config.json"]);
            Assert.Contains("rms_norm_eps", config);
            yield return Print(new(files) { ["config.json"] = Encoding.UTF8.GetBytes(config.Replace("1e-05", "2e-05").Replace("1e-06", "2e-06").Replace("1E-05", "2E-05").Replace("0.00001", "0.00002")) });
        }

        string Print(Dictionary<string, byte[]> files)
        {
            foreach ((string name, byte[] bytes) in files) _folder.Write(name, bytes);
            using Model model = Inference.Loading.ModelLoader.Load(_folder.Path);
            return ModelFingerprint.Of(model);
        }
    }

    [Fact]
    public void A_place_that_cannot_be_written_leaves_everything_as_it_was()
    {
        using GenerationSession session = _engine.LoadSession(_folder.At("honest"), Policy());
        Assert.ThrowsAny<IOException>(() => session.Save(_folder.Path));
        Assert.ThrowsAny<IOException>(() => session.Save(_folder.At("no/such/place")));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));
        session.Generate([]);
    }

    private string Refused(byte[] bytes, string what)
    {
        string path = _folder.Write("damaged", bytes);
        try
        {
            _engine.LoadSession(path, Policy()).Dispose();
        }
        catch (ModelFormatException e)
        {
            LoadAssert.OneLine(e, path);
            return e.Message;
        }

        throw new InvalidOperationException($"{what}: the file was taken.");
    }

    /// <summary>The same file with the checksum that it would have had.</summary>
    private static byte[] Sealed(byte[] bytes)
    {
        Span<byte> digits = bytes.AsSpan(SessionFormat.ChecksumOffset, SessionFormat.ChecksumDigits);
        digits.Fill((byte)'0');
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(bytes))).CopyTo(digits);
        return bytes;
    }

    private static RecordingPolicy Policy() => new(new PolicyPlan
    {
        Name = "Stateful",
        Prefill = new PrefillPlan { Budget = 0.5, Rows = 8 },
        Decode = new DecodePlan { Budget = 0.5, Of = Base.Prompt, ReadsAttention = true },
        HasState = true,
    })
    {
        Records = false,
    };
}
