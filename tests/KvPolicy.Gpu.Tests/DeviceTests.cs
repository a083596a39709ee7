using KvPolicy.Inference;
using KvPolicy.Inference.Devices;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Gpu.Tests;

/// <summary>Devices by name: what is there works, what is not says why.</summary>
public sealed class DeviceTests
{
    [Fact]
    public void Every_device_is_found_or_says_why_not()
    {
        IReadOnlyList<DeviceInfo> found = EngineDevices.Find();
        Assert.Equal(["cpu", "cuda", "opencl", "simulator"], found.Select(device => device.Name).Order());
        Assert.All(found, device => Assert.NotEqual("", device.Detail));
        Assert.All(found.Where(device => device.Name is "cpu" or "simulator"), device => Assert.True(device.Available));
    }

    [Fact]
    public void Auto_takes_the_best_device_and_says_why()
    {
        OpenedDevice opened = EngineDevices.Open("auto", 1);
        using IEngineOps ops = opened.Ops;
        IReadOnlyList<DeviceInfo> found = EngineDevices.Find();
        string best = new[] { "cuda", "opencl", "cpu" }.First(name => found.Single(device => device.Name == name).Available);
        Assert.Equal(best, ops.Device);
        Assert.StartsWith($"auto took {best}", opened.Note, StringComparison.Ordinal);
        if (best == "cpu") Assert.Contains(found.Single(device => device.Name == "cuda").Detail, opened.Note, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cuda")]
    [InlineData("opencl")]
    public void A_device_that_is_not_here_is_refused_with_the_reason(string name)
    {
        DeviceInfo info = EngineDevices.Find().Single(device => device.Name == name);
        if (info.Available)
        {
            using IEngineOps ops = EngineDevices.Open(name, 1).Ops;
            Assert.Equal(name, ops.Device);
            return;
        }

        string message = Assert.Throws<DeviceException>(() => EngineDevices.Open(name, 1)).Message;
        Assert.Contains(info.Detail, message, StringComparison.Ordinal);
        Assert.Contains("--device cpu", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_device_is_refused_with_the_known_ones()
        => Assert.Contains("auto, cpu, simulator, cuda, opencl", Assert.Throws<DeviceException>(() => EngineDevices.Open("tpu", 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void Heads_too_wide_for_the_kernels_are_refused()
    {
        using IEngineOps ops = EngineDevices.Open("simulator", 1).Ops;
        var config = new ModelConfig
        {
            Architecture = Architecture.Llama,
            VocabularySize = 8,
            HiddenSize = 256,
            FeedForwardSize = 8,
            Layers = 1,
            QueryHeads = 1,
            KvHeads = 1,
            HeadDim = 256,
            ContextLength = 16,
            RmsEpsilon = 1e-5f,
            RopeTheta = 10000f,
            RopePairing = RopePairing.Halves,
        };
        var request = new StoreRequest(config, 16, null, new PromptShape(4, []), PrefillSchedule.LayerMajor);
        Assert.Contains("256 channels", Assert.Throws<DeviceException>(() => ops.CreateStore(request)).Message, StringComparison.Ordinal);
    }
}
