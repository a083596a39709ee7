using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading;

/// <summary>Placeholder behind the calls of the factory until tokenization is here: it counts ids and reads end ids, and cannot encode.</summary>
internal static class InterimTokenizers
{
    internal static ITextTokenizer FromGguf(GgufFile file)
        => new NoTokenizer(file.Metadata.GetStringArray("tokenizer.ggml.tokens")?.Length ?? 0);

    internal static ITextTokenizer FromFolder(ModelFolder folder) => new NoTokenizer(0);

    internal static ITextTokenizer FromLlama2c(string path, int vocabularySize) => new NoTokenizer(vocabularySize);

    private sealed class NoTokenizer(int size) : ITextTokenizer
    {
        public int VocabularySize => size;
        public IReadOnlyList<int> EndIds => [];
        public int BosId => -1;
        public bool HasChatTemplate => false;
        public IReadOnlyList<TextToken> Encode(string text, EncodeOptions options) => throw new NotSupportedException();
        public IReadOnlyList<TextToken> EncodeChat(string userText, bool parseSpecial) => throw new NotSupportedException();
        public void AppendBytes(int id, ICollection<byte> utf8) => throw new NotSupportedException();
        public bool IsSpecial(int id) => false;
        public string Decode(IReadOnlyList<int> ids, bool skipSpecial) => throw new NotSupportedException();
    }
}
