namespace KvPolicy.Evaluation.Language;

/// <summary>What the embedded model knows by heart: facts that stand in no prompt.</summary>
internal static class World
{
    internal const int PerClass = 8;

    /// <summary>The capital of place <paramref name="place"/> (0..39).</summary>
    internal static string CapitalOf(int place) => Lexicon.Capitals[((7 * place) + 3) % Lexicon.Capitals.Length];

    /// <summary>The colour of the flag of place <paramref name="place"/> (0..39).</summary>
    internal static string FlagOf(int place) => Lexicon.Colours[((3 * place) + (place / 10)) % Lexicon.Colours.Length];

    /// <summary>The class of member <paramref name="member"/> (0..63), 0..7.</summary>
    internal static int ClassOf(int member) => member / PerClass;

    /// <summary>The class of a member's word.</summary>
    internal static string ClassOf(string member) => Lexicon.Classes[ClassOf(Array.IndexOf(Lexicon.Members, member))];
}
