using KvPolicy.Inference.Hub;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Hub;

/// <summary>The variables that Hugging Face's own tools read.</summary>
public class HubSettingsTests
{
    private static readonly string Home = Path.GetFullPath(Path.Combine(Path.GetTempPath(), "somebody"));

    private static HubSettings Of(params (string Name, string Value)[] variables)
        => HubSettings.FromEnvironment(name => variables.FirstOrDefault(v => v.Name == name).Value, Home);

    private static string At(params string[] parts) => Path.GetFullPath(Path.Combine([Home, .. parts]));

    [Fact]
    public void Nothing_set_is_the_public_hub_and_the_usual_folder()
    {
        HubSettings settings = Of();
        Assert.Equal("https://huggingface.co/", settings.Endpoint.AbsoluteUri);
        Assert.Equal(At(".cache", "huggingface", "hub"), settings.CacheFolder);
        Assert.Equal(At(".cache", "huggingface", "token"), settings.TokenFile);
        Assert.Null(settings.ReadToken());
        Assert.False(settings.Offline);
        Assert.True(settings.SymbolicLinks);
    }

    [Fact]
    public void The_cache_is_where_the_variables_say_the_nearer_one_first()
    {
        Assert.Equal(At("x", "huggingface", "hub"), Of(("XDG_CACHE_HOME", At("x"))).CacheFolder);
        Assert.Equal(At("h", "hub"), Of(("XDG_CACHE_HOME", At("x")), ("HF_HOME", At("h"))).CacheFolder);
        Assert.Equal(At("h", "hub"), Of(("HF_HOME", "~/h")).CacheFolder);
        Assert.Equal(At("old"), Of(("HF_HOME", At("h")), ("HUGGINGFACE_HUB_CACHE", At("old"))).CacheFolder);
        Assert.Equal(At("c"), Of(("HF_HOME", At("h")), ("HUGGINGFACE_HUB_CACHE", At("old")), ("HF_HUB_CACHE", At("c"))).CacheFolder);
        Assert.Equal(At(".cache", "huggingface", "hub"), Of(("HF_HOME", "")).CacheFolder);
    }

    [Fact]
    public void The_token_is_the_variables_or_the_files()
    {
        using var folder = new TemporaryFolder();
        folder.Write("token", "hf_file\n");
        folder.Write("other", " hf_other \n");
        Assert.Equal("hf_file", Of(("HF_HOME", folder.Path)).ReadToken());
        Assert.Equal("hf_other", Of(("HF_HOME", folder.Path), ("HF_TOKEN_PATH", folder.At("other"))).ReadToken());
        Assert.Equal("hf_variable", Of(("HF_HOME", folder.Path), ("HF_TOKEN", "hf_variable\n")).ReadToken());
        Assert.Equal("hf_old", Of(("HF_HOME", folder.Path), ("HUGGING_FACE_HUB_TOKEN", "hf_old")).ReadToken());
        Assert.Null(Of(("HF_HOME", folder.Path), ("HF_TOKEN", "hf_variable"), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")).ReadToken());
    }

    [Fact]
    public void A_token_that_no_header_may_hold_is_refused_and_never_shown()
    {
        HubSettings settings = Of(("HF_TOKEN", "hf_secret\r\nX-More: 1"));
        string message = Assert.Throws<HubException>(settings.ReadToken).Message;
        Assert.Contains("HF_TOKEN", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", settings.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("true", true)]
    [InlineData("YES", true)]
    [InlineData("0", false)]
    [InlineData("", false)]
    public void Switches_are_read_as_Python_reads_them(string value, bool set)
    {
        Assert.Equal(set, Of(("HF_HUB_OFFLINE", value)).Offline);
        Assert.Equal(set, Of(("TRANSFORMERS_OFFLINE", value)).Offline);
        Assert.Equal(!set, Of(("HF_HUB_DISABLE_SYMLINKS", value)).SymbolicLinks);
    }

    [Fact]
    public void The_hub_and_its_patience_are_the_variables()
    {
        Assert.Equal("https://mirror.example/hf/", Of(("HF_ENDPOINT", "https://mirror.example/hf/")).Endpoint.AbsoluteUri);
        Assert.Equal(TimeSpan.FromSeconds(2.5), Of(("HF_HUB_DOWNLOAD_TIMEOUT", "2.5")).Timeout);
    }

    [Theory]
    [InlineData("HF_ENDPOINT", "mirror.example")]
    [InlineData("HF_ENDPOINT", "ftp://mirror.example")]
    [InlineData("HF_ENDPOINT", "https://user:word@mirror.example")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "-1")]
    [InlineData("HF_HUB_DOWNLOAD_TIMEOUT", "1,5")]
    public void What_cannot_be_is_refused_by_name(string variable, string value)
        => Assert.Contains(variable, Assert.Throws<HubException>(() => Of((variable, value))).Message, StringComparison.Ordinal);
}
