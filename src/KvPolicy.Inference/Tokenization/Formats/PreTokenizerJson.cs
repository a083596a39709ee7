using System.Text.RegularExpressions;
using KvPolicy.Inference.Tokenization.Splitting;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>The pre_tokenizer of a tokenizer.json, as rules for a <see cref="Splitter"/>.</summary>
internal sealed class PreTokenizerJson(JsonPiece piece)
{
    private const int MaxSteps = 32;

    private readonly List<SplitRule> _rules = [];
    private bool _toBytes;

    internal Splitter Read()
    {
        if (!piece.IsNull) Step(piece, 0);
        if (!_toBytes) throw piece.Refuse("there is no ByteLevel step; only byte-level tokenizers are supported");
        try
        {
            return new Splitter(_rules);
        }
        catch (FormatException e)
        {
            throw piece.Refuse($"a pattern has a construct that is not supported: {e.Message}");
        }
    }

    private void Step(JsonPiece step, int depth)
    {
        string type = step["type"].String();
        if (_toBytes) throw step.Refuse("a step after ByteLevel");
        if (depth > 4 || _rules.Count > MaxSteps) throw step.Refuse("too many steps");
        switch (type)
        {
            case "Sequence":
                step.AllowOnly("type", "pretokenizers");
                foreach (JsonPiece inner in step["pretokenizers"].Items()) Step(inner, depth + 1);
                break;
            case "ByteLevel":
                step.AllowOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
                if (step["add_prefix_space"].Bool(true)) throw step["add_prefix_space"].Refuse("a space before the text is not supported");
                if (step["use_regex"].Bool(true)) _rules.Add(SplitRule.Gpt2);
                _toBytes = true;
                break;
            case "Digits":
                step.AllowOnly("type", "individual_digits");
                _rules.Add(step["individual_digits"].Bool(false) ? SplitRule.SingleDigits : SplitRule.DigitRuns);
                break;
            case "Split":
                step.AllowOnly("type", "pattern", "behavior", "invert");
                _rules.Add(Split(step));
                break;
            default: throw step["type"].Refuse($"pre-tokenizer '{type}' is not supported");
        }
    }

    private static SplitRule Split(JsonPiece step)
    {
        step["pattern"].AllowOnly("Regex", "String");
        string pattern = step["pattern"]["Regex"].StringOrNull() ?? Regex.Escape(step["pattern"]["String"].String());
        string behavior = step["behavior"].String();
        bool invert = step["invert"].Bool(false);
        if (behavior == "Isolated") return new SplitRule(pattern);
        // Inverted, what matches is what stays; the rest is dropped.
        if (behavior == "Removed" && invert) return new SplitRule(pattern, KeepGaps: false);
        throw step["behavior"].Refuse($"behaviour '{behavior}'{(invert ? ", inverted," : "")} is not supported");
    }
}
