using KvPolicy.Inference.Hub;

namespace KvPolicy.Inference.Tests.Hub;

public class HubModelTests
{
    [Theory]
    [InlineData("org/name", "org/name", "main", null, null)]
    [InlineData("hf:org/name", "org/name", "main", null, null)]
    [InlineData("hf:org/na.me-1_x@v1.0", "org/na.me-1_x", "v1.0", null, null)]
    [InlineData("gpt2", "gpt2", "main", null, null)]
    [InlineData("hf:org/name@refs/pr/1", "org/name", "refs/pr/1", null, null)]
    [InlineData("hf:org/name:m.Q4_1.gguf", "org/name", "main", "m.Q4_1.gguf", null)]
    [InlineData("hf:org/name@0123abc:sub/m-00001-of-00002.GGUF", "org/name", "0123abc", "sub/m-00001-of-00002.GGUF", null)]
    [InlineData("org/name:Q4_K_M", "org/name", "main", null, "Q4_K_M")]
    public void A_name_has_its_parts(string text, string repository, string revision, string? file, string? quantization)
    {
        HubModel model = HubModel.Parse(text);
        Assert.Equal((repository, revision, file, quantization), (model.Repository, model.Revision, model.File, model.Quantization));
        Assert.Equal(text.StartsWith("hf:", StringComparison.Ordinal) ? text[3..] : text, model.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("hf:")]
    [InlineData("org/")]
    [InlineData("/name")]
    [InlineData("org/name/more")]
    [InlineData("org/na me")]
    [InlineData("../name")]
    [InlineData("org/..")]
    [InlineData("org/a..b")]
    [InlineData("org/a--b")]
    [InlineData("-org/name")]
    [InlineData("org/name-")]
    [InlineData("org\\name")]
    [InlineData("org/näme")]
    [InlineData("org/name\n")]
    [InlineData("org/name@")]
    [InlineData("org/name@../../x")]
    [InlineData("org/name@/x")]
    [InlineData("org/name@a b")]
    [InlineData("org/name@a//b")]
    [InlineData("org/name:")]
    [InlineData("org/name:../x.gguf")]
    [InlineData("org/name:/x.gguf")]
    [InlineData("org/name:c:x.gguf")]
    [InlineData("org/name:a\\x.gguf")]
    [InlineData("org/name:x.bin")]
    public void What_is_no_name_is_refused_in_one_line(string text)
    {
        Assert.False(HubModel.TryParse(text, out _, out string? problem));
        Assert.DoesNotContain('\n', problem);
        Assert.Equal(problem, Assert.Throws<HubException>(() => HubModel.Parse(text)).Message);
    }
}
