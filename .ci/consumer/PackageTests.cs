using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;
using Xunit;

/// <summary>What lies in the packed files, for a stranger and for whoever packed them: the folder is named by the environment.</summary>
public class PackageTests
{
    private static readonly string Folder = Environment.GetEnvironmentVariable("PackedFolder")!, Version = Environment.GetEnvironmentVariable("KvPolicyVersion")!;

    public static TheoryData<string> All => [.. Libraries, "KvPolicy.Cli", "KvPolicy.Templates"];

    public static TheoryData<string> Libraries => ["KvPolicy", "KvPolicy.Inference", "KvPolicy.Policies"];

    public static TheoryData<string> Compiled => [.. Libraries, "KvPolicy.Cli"];

    private static ZipArchive Open(string id, string extension = "nupkg") => ZipFile.OpenRead(Path.Combine(Folder, $"{id}.{Version}.{extension}"));

    private static MemoryStream Bytes(ZipArchiveEntry entry)
    {
        var bytes = new MemoryStream();
        using (Stream stream = entry.Open()) stream.CopyTo(bytes);
        bytes.Position = 0;
        return bytes;
    }

    [Theory, MemberData(nameof(All))]
    public void A_page_of_it_has_what_a_reader_looks_for(string id)
    {
        using ZipArchive package = Open(id);
        using var text = new StreamReader(package.GetEntry($"{id}.nuspec")!.Open());
        XElement facts = XDocument.Parse(text.ReadToEnd()).Root!.Elements().Single();
        string? Fact(string name) => facts.Elements().SingleOrDefault(element => element.Name.LocalName == name)?.Value;
        Assert.Equal((id, Version, "Apache-2.0"), (Fact("id"), Fact("version"), Fact("license")));
        Assert.True(Fact("description")!.Length > 30 && Fact("tags")!.Split(' ').Length >= 4);
        Assert.True(package.GetEntry(Fact("readme")!)!.Length > 300);
        string? address = facts.Elements().SingleOrDefault(element => element.Name.LocalName == "repository")?.Attribute("url")?.Value;
        Assert.True(address?.StartsWith("https://", StringComparison.Ordinal) ?? true, $"{address} is nobody's address");
    }

    [Theory, MemberData(nameof(Libraries))]
    public void A_library_has_its_documentation_beside_it_and_no_compiler_in_it(string id)
    {
        using ZipArchive package = Open(id);
        string[] library = [.. package.Entries.Select(entry => entry.FullName).Where(name => name.StartsWith("lib/", StringComparison.Ordinal)).Order()];
        Assert.Equal([$"lib/net10.0/{id}.dll", $"lib/net10.0/{id}.xml"], library);
        string[] analyzers = [.. package.Entries.Select(entry => entry.FullName).Where(name => name.StartsWith("analyzers/", StringComparison.Ordinal))];
        Assert.Equal(id == "KvPolicy" ? ["analyzers/dotnet/cs/KvPolicy.Generators.dll"] : [], analyzers);
    }

    [Fact]
    public void The_attributes_are_documented()
    {
        using ZipArchive package = Open("KvPolicy");
        using var text = new StreamReader(package.GetEntry("lib/net10.0/KvPolicy.xml")!.Open());
        Dictionary<string, string> members = XDocument.Parse(text.ReadToEnd()).Descendants("member").ToDictionary(member => member.Attribute("name")!.Value, member => member.Element("summary")?.Value ?? "");
        string[] attributes = [.. typeof(KvPolicy.KvPolicyAttribute).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(Attribute))).Select(type => $"T:{type.FullName}")];
        Assert.True(attributes.Length >= 8);
        Assert.All([.. attributes, "P:KvPolicy.PrefillAttribute.Keep", "P:KvPolicy.ProtectAttribute.Sinks", "F:KvPolicy.Unit.Shot"], name => Assert.True(members[name].Length > 5, name));
    }

    [Theory, MemberData(nameof(Compiled))]
    public void Symbols_lie_beside_it_and_name_no_folder_of_the_machine_that_made_them(string id)
    {
        using ZipArchive symbols = Open(id, "snupkg");
        ZipArchiveEntry[] files = [.. symbols.Entries.Where(entry => entry.Name.EndsWith(".pdb", StringComparison.Ordinal))];
        Assert.Contains($"{id}.pdb", files.Select(file => file.Name));
        foreach (ZipArchiveEntry file in files)
        {
            using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(Bytes(file));
            MetadataReader reader = provider.GetMetadataReader();
            string[] sources = [.. reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name))];
            Assert.NotEmpty(sources);
            Assert.All(sources, source => Assert.StartsWith("/_", source, StringComparison.Ordinal));
        }
    }

    [Theory, MemberData(nameof(Compiled))]
    public void Programs_name_no_folder_of_the_machine_that_made_them(string id)
    {
        using ZipArchive package = Open(id);
        ZipArchiveEntry[] files = [.. package.Entries.Where(entry => entry.Name.StartsWith("KvPolicy", StringComparison.Ordinal) && entry.Name.EndsWith(".dll", StringComparison.Ordinal))];
        Assert.NotEmpty(files);
        foreach (ZipArchiveEntry file in files)
        {
            using var program = new PEReader(Bytes(file));
            string[] symbols = [.. program.ReadDebugDirectory().Where(entry => entry.Type == DebugDirectoryEntryType.CodeView).Select(entry => program.ReadCodeViewDebugDirectoryData(entry).Path)];
            Assert.All(symbols, path => Assert.True(path.StartsWith("/_", StringComparison.Ordinal) || Path.GetFileName(path) == path, path));
        }
    }
}
