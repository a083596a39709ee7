using System.Globalization;

namespace KvPolicy;

/// <summary>Reads the settings of an instance by the parameters that its policy declares. Generated code calls it; whatever it refuses, it says what is allowed.</summary>
public sealed class PolicyValues
{
    private readonly PolicyInfo _info;
    private readonly PolicySettings _settings;

    /// <summary>Checks the names.</summary>
    /// <exception cref="PolicyArgumentException">A name that the policy does not take.</exception>
    public PolicyValues(PolicyInfo info, PolicySettings settings)
    {
        (_info, _settings) = (info, settings);
        foreach (string name in settings.Values.Keys)
        {
            if (info.Parameters.Any(parameter => parameter.Name == name)) continue;
            string known = info.Parameters.Count == 0 ? "it takes none" : "it takes " + string.Join(", ", info.Parameters.Select(parameter => parameter.Name));
            throw new PolicyArgumentException($"{info.Name} has no parameter '{name}'; {known}.");
        }
    }

    /// <summary>A whole number.</summary>
    /// <exception cref="PolicyArgumentException">Not one, or outside its range.</exception>
    public int Integer(string name) => ParseInteger(Find(_info, name), Text(name));

    /// <summary>A whole number, or the number that stands for the parameter's word.</summary>
    /// <exception cref="PolicyArgumentException">Neither.</exception>
    public int IntegerOr(string name, int word)
    {
        ParameterInfo parameter = Find(_info, name);
        return parameter.Choices.Contains(Text(name)) ? word : ParseInteger(parameter, Text(name));
    }

    /// <summary>A real number.</summary>
    /// <exception cref="PolicyArgumentException">Not one, or outside its range.</exception>
    public float Real(string name)
    {
        ParameterInfo parameter = Find(_info, name);
        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return float.TryParse(Text(name), Styles, CultureInfo.InvariantCulture, out float value) && Allowed(parameter, value)
            ? value
            : throw Refused(parameter, Text(name));
    }

    /// <summary>One of the parameter's words.</summary>
    /// <exception cref="PolicyArgumentException">Another one.</exception>
    public string Word(string name)
    {
        ParameterInfo parameter = Find(_info, name);
        return parameter.Choices.Contains(Text(name)) ? Text(name) : throw Refused(parameter, Text(name));
    }

    /// <summary>The value, if an instance may have it.</summary>
    /// <param name="value">Value.</param>
    /// <param name="info">Policy.</param>
    /// <param name="name">Parameter.</param>
    /// <param name="word">A further value allowed, which stands for the parameter's word.</param>
    /// <exception cref="ArgumentOutOfRangeException">It may not.</exception>
    public static int Checked(int value, PolicyInfo info, string name, int? word = null)
        => value == word || Allowed(Find(info, name), value) ? value : throw OutOfRange(info, name, value);

    /// <summary>The value, if an instance may have it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It may not.</exception>
    public static float Checked(float value, PolicyInfo info, string name)
        => Allowed(Find(info, name), value) ? value : throw OutOfRange(info, name, value);

    /// <summary>A value in invariant form, as a setting would give it.</summary>
    public static string Show(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>A value in invariant form, the shortest that reads back as the same.</summary>
    public static string Show(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>A switch: 1 or 0.</summary>
    public static string Show(bool value) => value ? "1" : "0";

    /// <summary>A whole number, or the word that one of them stands for.</summary>
    public static string Show(int value, int word, string name) => value == word ? name : Show(value);

    private string Text(string name) => _settings.Values.TryGetValue(name, out string? text) ? text : Find(_info, name).Default;

    private int ParseInteger(ParameterInfo parameter, string text)
        => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && Allowed(parameter, value) ? value : throw Refused(parameter, text);

    private static ParameterInfo Find(PolicyInfo info, string name) => info.Parameters.First(parameter => parameter.Name == name);

    private static bool Allowed(ParameterInfo parameter, double value)
        => double.IsFinite(value) && IsWithin(parameter, value) && !(parameter.Odd && value % 2 == 0);

    // A float is compared with the float that an end of the range is: 0.3f is not 0.3, but a range up to 0.3 means it.
    private static bool IsWithin(ParameterInfo parameter, double value) => parameter.Kind == ParameterKind.Real
        ? (float)value >= (float)parameter.Minimum && (float)value <= (float)parameter.Maximum
        : value >= parameter.Minimum && value <= parameter.Maximum;

    private PolicyArgumentException Refused(ParameterInfo parameter, string text)
        => new($"{_info.Name}: {parameter.Name}={text} is not allowed; {parameter.Name} is {parameter.Allowed}.");

    private static ArgumentOutOfRangeException OutOfRange(PolicyInfo info, string name, object value)
        => new(nameof(value), value, $"{info.Name}: {name} is {Find(info, name).Allowed}.");
}
