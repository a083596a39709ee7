namespace KvPolicy.Inference.Tokenization.Added;

/// <summary>A token that is looked for in the text before the model proper sees it. Flags mean what they mean in tokenizer.json.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text; not empty.</param>
/// <param name="Special">Control token: recognised on demand, not printed.</param>
/// <param name="SingleWord">Counts only between characters that are no word characters.</param>
/// <param name="LeftStrip">Takes the white space before it.</param>
/// <param name="RightStrip">Takes the white space after it.</param>
/// <param name="Normalized">Is looked for in the normalized text, not in the raw one.</param>
internal sealed record AddedToken(int Id, string Content, bool Special, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false,
    bool Normalized = false);

/// <summary>A stretch of text: an added token, or (Id -1) text for the model.</summary>
internal readonly record struct TextPiece(int Start, int Length, int Id)
{
    internal int End => Start + Length;
}
