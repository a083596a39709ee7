using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis.CSharp;

namespace KvPolicy.Generators.Helpers;

/// <summary>Values as C# and as text, in the invariant form whatever the machine's culture.</summary>
internal static class Literal
{
    public static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Nine digits bring every float back to the bit.</summary>
    public static string Text(float value)
    {
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        return float.Parse(shortest, CultureInfo.InvariantCulture) == value ? shortest : value.ToString("G9", CultureInfo.InvariantCulture);
    }

    public static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    public static string Text(decimal value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Code(float value) => Text(value) + "f";

    public static string Code(decimal value) => Text(value) + "m";

    public static string Code(bool value) => value ? "true" : "false";

    public static string Code(double value) => value switch
    {
        double.MaxValue => "double.MaxValue",
        double.MinValue => "double.MinValue",
        float.MaxValue => "float.MaxValue",
        float.MinValue => "float.MinValue",
        _ => Text(value) + "d",
    };

    public static string Code(string value) => SymbolDisplay.FormatLiteral(value, quote: true);

    /// <summary>A raw string literal over several lines, with as many quotes as its text asks for.</summary>
    public static string Raw(string text)
    {
        int longest = 2, run = 0;
        foreach (char c in text)
        {
            run = c == '"' ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }

        string quotes = new('"', longest + 1);
        return new StringBuilder(quotes).Append('\n').Append(text.TrimEnd('\n')).Append('\n').Append(quotes).ToString();
    }

    /// <summary>Text inside an XML documentation comment.</summary>
    public static string Xml(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;");

    /// <summary>An identifier as code: keywords get their @.</summary>
    public static string Identifier(string name)
        => SyntaxFacts.GetKeywordKind(name) != SyntaxKind.None || SyntaxFacts.GetContextualKeywordKind(name) != SyntaxKind.None ? "@" + name : name;

    /// <summary>A hook's parameter as the property it becomes: <c>beta</c> is <c>Beta</c>.</summary>
    public static string Property(string name) => name.Length == 0 ? name : char.ToUpperInvariant(name[0]) + name.Substring(1);
}
