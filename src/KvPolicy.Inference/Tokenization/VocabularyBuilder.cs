using System.Text;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Tokenization.Added;

namespace KvPolicy.Inference.Tokenization;

/// <summary>Collects a <see cref="Vocabulary"/>; memory stays in proportion to the entries that a file really has.</summary>
internal sealed class VocabularyBuilder(string file, string field, int entries)
{
    private readonly List<(byte[]? Bytes, TokenKind Kind)> _tokens = [];

    internal void Set(int id, byte[] bytes, TokenKind kind)
    {
        if (id < 0 || id > 4L * entries + 65536) throw LoadError.Damaged(file, field, $"id {id} in a vocabulary of {entries} entries");
        while (_tokens.Count <= id) _tokens.Add((null, TokenKind.None));
        _tokens[id] = (bytes, kind);
    }

    internal void Set(AddedToken token) => Set(token.Id, Encoding.UTF8.GetBytes(token.Content), token.Special ? TokenKind.Special : TokenKind.Added);

    internal Vocabulary Build() => new(_tokens);
}
