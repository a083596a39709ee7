namespace KvPolicy.Evaluation.Language;

/// <summary>Every word of the tasks. A word, a digit or a sign is one token of the embedded model; nothing else is ever written.</summary>
internal static class Lexicon
{
    /// <summary>Fills rows of a training batch.</summary>
    internal const string Pad = "<pad>";

    /// <summary>Starts every prompt.</summary>
    internal const string Bos = "<bos>";

    /// <summary>The blank line: ends a shot, the system line, and an answer.</summary>
    internal const string Sep = "<sep>";

    internal static readonly string[] Specials = [Pad, Bos, Sep];
    internal static readonly string[] Signs = Split(". , : ? = + - [ ]");
    internal static readonly string[] Digits = Split("0 1 2 3 4 5 6 7 8 9");
    internal static readonly string[] Forms = Split("system Q A refuse about costs and def has is key of capital flag which what");
    internal static readonly string[] Fees = Split("tax tip fee toll levy duty rent fine");

    internal static readonly string[] Items = Split(
        "pear plum fig kiwi apple grape lemon mango peach melon cherry lime bread milk rice salt sugar tea cake soup bean corn nut egg");

    internal static readonly string[] Functions = Split(
        "zip zap fob gub lim nok pid rax sul tev wob yan dax fep gim hob jux kel mip nev orb pax quz rin");

    internal static readonly string[] Names = Split(
        "tom ann bob sue zed ian eve max kim ray joe amy dan liz ben ivy sam meg leo uma hal ned pam rob gus zoe art bea cal dot eli fay gil hue "
        + "ira jan ken lou mia nan");

    internal static readonly string[] Colours = Split("red blue green black white gold pink grey brown teal");
    internal static readonly string[] Classes = Split("animal plant tool metal body cloth vehicle weather");

    /// <summary>Members in the order of <see cref="Classes"/>, eight of each.</summary>
    internal static readonly string[] Members = Split(
        "dog cat cow fox pig bear wolf goat oak rose fern moss pine palm reed lily hammer saw drill axe file rake spade knife "
        + "iron zinc lead tin steel brass copper nickel arm leg eye ear nose hand foot knee hat coat shoe sock shirt scarf glove belt "
        + "car bus train ship boat truck bike plane rain snow wind fog hail storm frost cloud");

    internal static readonly string[] Places = Pairs("ba de fi go ku", "land mar ria ton via dor nes sia");
    internal static readonly string[] Capitals = Pairs("pa ro ti lu ze", "burg ville polis stad mouth ford holm grad");

    internal static readonly string[] Filler = Split(
        "the old mill stood near quiet road while people walked over low hills talked long days under soft light by slow river with small stones "
        + "in deep grass then came home before night again bells rang far town birds");

    internal static readonly string[] Labels = Split("a b c d e f g h i j k l m n o p");

    /// <summary>All words in the order of the embedded model's vocabulary, the three special ones first.</summary>
    internal static readonly string[] All =
    [
        .. Specials, .. Signs, .. Digits, .. Forms, .. Fees, .. Items, .. Functions, .. Names, .. Colours, .. Classes, .. Members,
        .. Places, .. Capitals, .. Filler, .. Labels,
    ];

    /// <summary>Place of each word in <see cref="All"/>.</summary>
    internal static readonly IReadOnlyDictionary<string, int> IndexOf = All.Select((word, i) => (word, i)).ToDictionary(p => p.word, p => p.i);

    /// <summary>A number as the tasks write it: digit by digit.</summary>
    internal static string[] Number(int value) => [.. value.ToString(System.Globalization.CultureInfo.InvariantCulture).Select(c => c.ToString())];

    private static string[] Split(string words) => words.Split(' ');

    private static string[] Pairs(string prefixes, string suffixes) => [.. Split(prefixes).SelectMany(p => Split(suffixes).Select(s => p + s))];
}
