using System.Buffers.Binary;
using System.Text;

namespace KvPolicy.Training.Native;

/// <summary>The versions of other libraries' symbols that a 64-bit little-endian ELF library asks for (its section .gnu.version_r).</summary>
internal sealed class VersionNeeds
{
    private const uint StringTable = 3;
    private const uint DynamicSymbols = 11;
    private const uint SymbolVersions = 0x6fffffff;
    private const uint NeededVersions = 0x6ffffffe;
    private const ushort Weak = 2;

    private readonly byte[] _file;
    private readonly List<Section> _sections = [];

    internal VersionNeeds(byte[] file)
    {
        _file = file;
        int offset = (int)U64(0x28);
        for (int i = 0; i < U16(0x3C); i++, offset += U16(0x3A))
        {
            _sections.Add(new Section(U32(offset + 4), (int)U64(offset + 24), (int)U64(offset + 32), (int)U32(offset + 40)));
        }
    }

    /// <summary>Names of the symbols that the library needs in this version.</summary>
    internal List<string> SymbolsOf(string version)
    {
        ushort index = U16(Find(version) + 6);
        Section symbols = Only(DynamicSymbols);
        Section versions = Only(SymbolVersions);
        List<string> names = [];
        for (int i = 0; i < versions.Size / 2; i++)
        {
            if (U16(versions.Offset + (2 * i)) == index) names.Add(Text(symbols, (int)U32(symbols.Offset + (24 * i))));
        }

        return names;
    }

    /// <summary>Makes a missing version something that the loader passes over.</summary>
    internal void MakeWeak(string version)
    {
        int entry = Find(version);
        BinaryPrimitives.WriteUInt16LittleEndian(_file.AsSpan(entry + 4), (ushort)(U16(entry + 4) | Weak));
    }

    private int Find(string version)
    {
        Section needs = Only(NeededVersions);
        for (int library = needs.Offset; ;)
        {
            int entry = library + (int)U32(library + 8);
            for (int i = 0; i < U16(library + 2); i++)
            {
                if (Text(needs, (int)U32(entry + 8)) == version) return entry;
                entry += (int)U32(entry + 12);
            }

            uint next = U32(library + 12);
            if (next == 0) throw new InvalidDataException($"The library does not ask for {version}.");
            library += (int)next;
        }
    }

    private Section Only(uint type) => _sections.First(section => section.Type == type);

    private string Text(Section owner, int offset)
    {
        Section strings = _sections[owner.Link];
        if (strings.Type != StringTable) throw new InvalidDataException("The library's names are not where ELF puts them.");
        int start = strings.Offset + offset;
        return Encoding.ASCII.GetString(_file, start, Array.IndexOf(_file, (byte)0, start) - start);
    }

    private ushort U16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(offset));

    private uint U32(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_file.AsSpan(offset));

    private ulong U64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_file.AsSpan(offset));

    private sealed record Section(uint Type, int Offset, int Size, int Link);
}
