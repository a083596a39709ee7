using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Output.Inspections;

/// <summary>
/// An inspection as one page that needs nothing else. Markup, style and script are the files beside this one; the script runs because its
/// hash stands in the page's policy, so nothing that a prompt holds can.
/// </summary>
internal static partial class InspectionPage
{
    /// <summary>Writes the page as UTF-8.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="seen">What was seen.</param>
    /// <param name="model">The model as it was named.</param>
    /// <param name="layer">Layer that is shown first.</param>
    /// <param name="kvHead">KV head that is shown first.</param>
    internal static void Write(Stream stream, Inspection seen, string model, int layer, int kvHead)
    {
        string style = Resource("inspect.css"), script = Resource("inspect.js");
        string policy = seen.Result.Receipt.Policy?.Name ?? "the full cache";
        var holes = new Dictionary<string, string>
        {
            ["title"] = WebUtility.HtmlEncode($"{policy} on {OneLine.Of(model)}"),
            ["version"] = WebUtility.HtmlEncode(Application.Version),
            ["style"] = style,
            ["style-hash"] = HashOf(style),
            ["script"] = script,
            ["script-hash"] = HashOf(script),
            ["data"] = InspectionPageData.Of(seen, model, layer, kvHead),
        };
        // One pass over the markup: what is put in is not looked at again.
        stream.Write(Encoding.UTF8.GetBytes(Hole().Replace(Resource("inspect.html"), hole => holes[hole.Groups[1].Value])));
    }

    // A browser reads line ends as \n before it hashes.
    private static string Resource(string name)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }

    private static string HashOf(string text) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";

    [GeneratedRegex(@"\{\{([a-z-]+)\}\}")]
    private static partial Regex Hole();
}
