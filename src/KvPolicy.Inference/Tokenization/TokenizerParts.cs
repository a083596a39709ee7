using KvPolicy.Inference.Tokenization.Added;
using KvPolicy.Inference.Tokenization.Chat;

namespace KvPolicy.Inference.Tokenization;

/// <summary>Everything a tokenizer consists of, as one of the file readers found it.</summary>
internal sealed record TokenizerParts
{
    /// <summary>The file, for messages.</summary>
    internal required string File { get; init; }

    internal required Vocabulary Vocabulary { get; init; }

    internal required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    internal required IPieceEncoder Encoder { get; init; }

    /// <summary>Text is composed (Unicode's form C) before the model sees it.</summary>
    internal bool Composes { get; init; }

    /// <summary>Ids before a text.</summary>
    internal int[] Before { get; init; } = [];

    /// <summary>Ids after a text.</summary>
    internal int[] After { get; init; } = [];

    internal int BosId { get; init; } = -1;

    internal IEnumerable<int> EndIds { get; init; } = [];

    internal bool DropsLeadingSpace { get; init; }

    internal ChatTemplateSource ChatTemplate { get; init; } = ChatTemplateSource.None;
}
