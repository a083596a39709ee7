using System.Globalization;

namespace KvPolicy;

/// <summary>Kind of a parameter's values.</summary>
public enum ParameterKind
{
    /// <summary>Whole numbers.</summary>
    Integer,

    /// <summary>Real numbers.</summary>
    Real,

    /// <summary>One of <see cref="ParameterInfo.Choices"/>.</summary>
    Choice,

    /// <summary>A whole number or one of <see cref="ParameterInfo.Choices"/> (<c>rows=all|N</c>).</summary>
    IntegerOrChoice,
}

/// <summary>A number or choice of a policy that can be set per instance.</summary>
/// <param name="Name">As <c>--set</c> takes it: <c>window, pool, beta</c>.</param>
/// <param name="Kind">Kind of its values.</param>
/// <param name="Default">The paper's value, in invariant form.</param>
/// <param name="Minimum">Least number allowed.</param>
/// <param name="Maximum">Greatest number allowed.</param>
/// <param name="Choices">Words allowed.</param>
/// <param name="Summary">One line for people.</param>
public sealed record ParameterInfo(string Name, ParameterKind Kind, string Default, double Minimum, double Maximum, IReadOnlyList<string> Choices, string Summary)
{
    /// <summary>True for widths that must be odd.</summary>
    public bool Odd { get; init; }

    /// <summary>Its values in words: <c>an odd whole number from 1 to 4095</c>.</summary>
    public string Allowed
    {
        get
        {
            string words = string.Join(" or ", Choices);
            return Kind switch
            {
                ParameterKind.Choice => words,
                ParameterKind.IntegerOrChoice => $"{words} or a whole number{Range}",
                ParameterKind.Integer => $"{(Odd ? "an odd" : "a")} whole number{Range}",
                _ => $"a finite number{Range}",
            };
        }
    }

    private string Range => Minimum <= int.MinValue && Maximum >= int.MaxValue ? "" : string.Create(CultureInfo.InvariantCulture, $" from {Minimum} to {Maximum}");
}

/// <summary>What a policy is, independent of an instance. The generator writes one for each.</summary>
public sealed record PolicyInfo
{
    /// <summary>Class name.</summary>
    public required string Name { get; init; }

    /// <summary>Text of the class's summary.</summary>
    public required string Summary { get; init; }

    /// <summary>arXiv number or other reference, or empty.</summary>
    public string Paper { get; init; } = "";

    /// <summary>Text of the class's remarks: what follows the paper and what does not.</summary>
    public string Fidelity { get; init; } = "";

    /// <summary>The axes as declared, one line each.</summary>
    public IReadOnlyList<string> Axes { get; init; } = [];

    /// <summary>What <c>--set</c> takes.</summary>
    public IReadOnlyList<ParameterInfo> Parameters { get; init; } = [];

    /// <summary>Keep by default.</summary>
    public required Budget DefaultKeep { get; init; }

    /// <summary>Decode's Keep by default; null without a Decode axis.</summary>
    public Budget? DefaultDecodeKeep { get; init; }

    /// <summary>The plan as text: passes, what each reads and writes, bytes and FLOPs a key, why a cut is where it is.</summary>
    public required string PlanText { get; init; }

    /// <summary>Generated C# of the host lowering.</summary>
    public string HostSource { get; init; } = "";

    /// <summary>Generated C# of the GPU lowering; empty where the policy launches nothing.</summary>
    public string GpuSource { get; init; } = "";

    /// <summary>Makes an instance.</summary>
    /// <exception cref="PolicyArgumentException">A name or a value that the policy does not take.</exception>
    public required Func<PolicySettings, IKvPolicy> Create { get; init; }
}

/// <summary>Overrides for an instance, as a command line gives them.</summary>
public sealed record PolicySettings
{
    /// <summary>Budget of the prefill, or null for the policy's own.</summary>
    public Budget? Keep { get; init; }

    /// <summary>Budget of decoding, or null: <see cref="Keep"/> where given (a token budget only under <see cref="Base.Prompt"/>), else the policy's own.</summary>
    public Budget? DecodeKeep { get; init; }

    /// <summary>Parameter values in invariant form.</summary>
    public IReadOnlyDictionary<string, string> Values { get; init; } = new Dictionary<string, string>();
}

/// <summary>A parameter name or value that a policy does not take. The message is one line and lists what is allowed.</summary>
public sealed class PolicyArgumentException(string message) : ArgumentException(message);
