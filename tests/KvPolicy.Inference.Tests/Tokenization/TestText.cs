using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Tokenization;

internal static class TestText
{
    internal static int[] Ids(IReadOnlyList<TextToken> tokens) => [.. tokens.Select(token => token.Id)];

    internal static int[] Starts(IReadOnlyList<TextToken> tokens) => [.. tokens.Select(token => token.Start)];
}
