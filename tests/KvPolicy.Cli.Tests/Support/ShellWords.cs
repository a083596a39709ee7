using System.Text;

namespace KvPolicy.Cli.Tests.Support;

/// <summary>A command line of the help as a shell would cut it: spaces, single quotes, $'...' with \n.</summary>
internal static class ShellWords
{
    internal static string[] Split(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        bool quoted = false;
        foreach (char c in line)
        {
            if (c == '\'') quoted = !quoted;
            else if (c == ' ' && !quoted)
            {
                words.Add(word.ToString());
                word.Clear();
            }
            else word.Append(c);
        }

        words.Add(word.ToString());
        return [.. words.Select(w => w.StartsWith('$') ? w[1..].Replace("\\n", "\n") : w)];
    }
}
