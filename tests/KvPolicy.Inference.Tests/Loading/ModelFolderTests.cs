using System.Text;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tests.Loading;

public class ModelFolderTests
{
    [Fact]
    public void The_embedded_model_is_read_from_resources()
    {
        ModelFolder folder = ModelFolder.InResources("kvpolicy-tiny");
        Assert.True(folder.Has("tokenizer.json"));
        Assert.False(folder.Has("tokenizer.model"));
        Assert.Contains("\"model_type\": \"llama\"", Encoding.UTF8.GetString(folder.ReadAllBytes("config.json")));
        using MappedBytes weights = folder.Map("model.safetensors");
        // 1,075,840 parameters of two bytes and a header; small enough to travel in the library.
        Assert.InRange(weights.Length, (2 * 1_075_840) + 8, 6 << 20);
    }

    [Theory]
    [InlineData("a.safetensors", true)]
    [InlineData("parts/a.safetensors", true)]
    [InlineData("../a.safetensors", false)]
    [InlineData("parts/../../a", false)]
    [InlineData("/etc/passwd", false)]
    [InlineData("..\\a", false)]
    [InlineData("C:a", false)]
    [InlineData("a\nb", false)]
    [InlineData("a\u001b[31mb", false)]
    [InlineData("", false)]
    [InlineData(".", false)]
    public void A_name_from_an_index_stays_inside(string name, bool inside) => Assert.Equal(inside, ModelFolder.IsInside(name));

    [Fact]
    public void A_missing_file_is_named_with_a_remedy()
    {
        var e = Assert.Throws<ModelFormatException>(() => ModelFolder.OnDisk(Path.GetTempPath()).ReadAllBytes("no-such-config.json"));
        Assert.Contains("no-such-config.json", e.Message);
        Assert.DoesNotContain('\n', e.Message);
    }
}
