using System.Text.Json;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Commands;

public class DevicesTests
{
    [Fact]
    public void Every_device_is_listed_with_a_reason()
    {
        JsonElement[] devices = [.. InProcess.Run("devices", "--json").Json.EnumerateArray()];
        Assert.Equal(["cpu", "cuda", "opencl", "simulator"], devices.Select(d => d.GetProperty("name").GetString()).Order(StringComparer.Ordinal));
        Assert.All(devices, d => Assert.NotEqual("", d.GetProperty("detail").GetString()));
        Assert.All(devices.Where(d => d.GetProperty("name").GetString() is "cpu" or "simulator"), d => Assert.True(d.GetProperty("available").GetBoolean()));
        string text = InProcess.Run("devices").Out;
        Assert.All(devices, d => Assert.Contains(d.GetProperty("name").GetString()!, text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_device_that_is_not_here_is_refused_with_the_reason()
    {
        foreach (JsonElement device in InProcess.Run("devices", "--json").Json.EnumerateArray().Where(d => !d.GetProperty("available").GetBoolean()))
            InProcess.Run("run", "--model", "embedded", "--prompt", "a", "--device", device.GetProperty("name").GetString()!).Refuses(1, device.GetProperty("name").GetString()!, device.GetProperty("detail").GetString()!, "--device cpu");
    }
}
