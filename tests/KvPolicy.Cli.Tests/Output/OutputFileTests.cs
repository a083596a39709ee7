using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Output;

public sealed class OutputFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_completed_file_takes_its_place_alone()
    {
        _folder.Write("o", "old");
        using (var file = OutputFile.Create("--output", _folder["o"]))
        {
            file.Stream.Write("new"u8);
            file.Stream.Flush();
            Assert.Equal("old", File.ReadAllText(_folder["o"]));
            file.Complete();
        }

        Assert.Equal("new", File.ReadAllText(_folder["o"]));
        Assert.Equal(["o"], _folder.Names);
    }

    [Fact]
    public void A_file_that_is_not_completed_leaves_nothing()
    {
        _folder.Write("o", "old");
        using (var file = OutputFile.Create("--output", _folder["o"])) file.Stream.Write("new"u8);
        Assert.Equal("old", File.ReadAllText(_folder["o"]));
        Assert.Equal(["o"], _folder.Names);
    }

    [Fact]
    public void A_link_stays_a_link()
    {
        File.CreateSymbolicLink(_folder["link"], _folder.Write("target", "old"));
        using (var file = OutputFile.Create("--output", _folder["link"]))
        {
            file.Stream.Write("new"u8);
            file.Complete();
        }

        Assert.Equal("new", File.ReadAllText(_folder["target"]));
        Assert.NotNull(new FileInfo(_folder["link"]).LinkTarget);
    }

    [Fact]
    public void A_relative_link_counts_from_where_its_folder_really_is()
    {
        Directory.CreateDirectory(_folder["deep/er"]);
        Directory.CreateSymbolicLink(_folder["short"], "deep/er");
        File.CreateSymbolicLink(_folder["deep/er/link"], "../target");
        using (var file = OutputFile.Create("--output", _folder["short/link"]))
        {
            file.Stream.Write("new"u8);
            file.Complete();
        }

        Assert.Equal("new", File.ReadAllText(_folder["deep/target"]));
    }

    [Fact]
    public void A_folder_or_a_missing_folder_is_refused_before_the_work()
    {
        Assert.Throws<UsageException>(() => OutputFile.Create("--output", _folder.Path));
        Assert.Throws<UsageException>(() => OutputFile.Create("--output", _folder["none/o"]));
        Assert.Throws<UsageException>(() => OutputFile.Create("--output", ""));
    }
}
