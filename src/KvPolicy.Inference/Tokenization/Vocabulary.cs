namespace KvPolicy.Inference.Tokenization;

/// <summary>What an id stands for.</summary>
internal enum TokenKind : byte
{
    /// <summary>A hole in the numbering.</summary>
    None,

    /// <summary>A piece of text or a byte.</summary>
    Text,

    /// <summary>An added token that is printed like text.</summary>
    Added,

    /// <summary>A control token: BOS, roles, end of turn.</summary>
    Special,
}

/// <summary>The bytes and the kind of every id, in two flat arrays.</summary>
internal sealed class Vocabulary
{
    private readonly TokenKind[] _kinds;
    private readonly int[] _starts;
    private readonly byte[] _bytes;

    /// <param name="tokens">By id; null bytes for holes.</param>
    internal Vocabulary(IReadOnlyList<(byte[]? Bytes, TokenKind Kind)> tokens)
    {
        _kinds = new TokenKind[tokens.Count];
        _starts = new int[tokens.Count + 1];
        var all = new List<byte>();
        for (int id = 0; id < tokens.Count; id++)
        {
            _kinds[id] = tokens[id].Bytes is null ? TokenKind.None : tokens[id].Kind;
            all.AddRange(tokens[id].Bytes ?? []);
            _starts[id + 1] = all.Count;
        }
        _bytes = [.. all];
    }

    /// <summary>One more than the largest id.</summary>
    internal int Size => _kinds.Length;

    internal bool Contains(int id) => (uint)id < (uint)_kinds.Length && _kinds[id] != TokenKind.None;

    internal TokenKind KindOf(int id) => (uint)id < (uint)_kinds.Length ? _kinds[id] : TokenKind.None;

    /// <summary>None for ids outside the vocabulary: an embedding may have padding rows that no token uses.</summary>
    internal ReadOnlySpan<byte> Bytes(int id)
        => (uint)id < (uint)_kinds.Length ? _bytes.AsSpan(_starts[id], _starts[id + 1] - _starts[id]) : default;
}
