using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using KvPolicy.Generators.Model;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Parsing;

/// <summary>
/// Reads documentation comments from the source text: the compiler's own reading is empty in a project that generates no documentation file.
/// </summary>
internal static class DocumentationReader
{
    public static DocumentationModel Read(ISymbol symbol, CancellationToken token)
    {
        XElement? root = Parse(symbol, token);
        string summary = Text(root?.Element("summary"));
        Match paper = Regex.Match(summary, @"arXiv:\d{4}\.\d{4,5}(v\d+)?");
        return new DocumentationModel(summary, paper.Success ? paper.Value : "", Text(root?.Element("remarks")));
    }

    /// <summary>Text of a method's param elements, by name.</summary>
    public static Dictionary<string, string> Parameters(IMethodSymbol method, CancellationToken token)
    {
        var texts = new Dictionary<string, string>();
        foreach (XElement element in Parse(method, token)?.Elements("param") ?? [])
        {
            if (element.Attribute("name")?.Value is { } name) texts[name] = Text(element);
        }

        return texts;
    }

    private static XElement? Parse(ISymbol symbol, CancellationToken token)
    {
        foreach (SyntaxReference reference in symbol.DeclaringSyntaxReferences)
        {
            var xml = new StringBuilder();
            foreach (string line in reference.GetSyntax(token).GetLeadingTrivia().ToFullString().Split('\n', '\r'))
            {
                string trimmed = line.Trim();
                // Four slashes are a comment on the comment.
                if (trimmed.StartsWith("///", StringComparison.Ordinal) && !trimmed.StartsWith("////", StringComparison.Ordinal)) xml.Append(trimmed, 3, trimmed.Length - 3).Append('\n');
            }

            if (xml.Length == 0) continue;
            try
            {
                return XElement.Parse($"<doc>{xml}</doc>");
            }
            catch (XmlException)
            {
                // The compiler warns of malformed comments; without text the policy is as good.
                return null;
            }
        }

        return null;
    }

    private static string Text(XElement? element)
    {
        if (element is null) return "";
        var text = new StringBuilder();
        Append(element, text);
        return Regex.Replace(text.ToString(), @"\s+", " ").Trim();
    }

    private static void Append(XElement element, StringBuilder text)
    {
        foreach (XNode node in element.Nodes())
        {
            if (node is XText run) text.Append(run.Value);
            else if (node is XElement { IsEmpty: true } reference) text.Append(Reference(reference));
            else if (node is XElement nested) Append(nested, text);
        }
    }

    // <see cref="N.Type.Member"/> reads as Member, <paramref name="x"/> as x, <br/> as a space.
    private static string Reference(XElement element)
    {
        string target = (element.Attribute("cref") ?? element.Attribute("name") ?? element.Attribute("langword") ?? element.Attribute("href"))?.Value ?? " ";
        return element.Attribute("cref") is null ? target : target.Split('(')[0].Split('.', ':').Last();
    }
}
