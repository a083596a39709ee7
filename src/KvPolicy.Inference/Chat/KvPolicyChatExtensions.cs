using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace KvPolicy.Inference;

/// <summary>A policy for one request, and the receipt of its response.</summary>
public static class KvPolicyChatExtensions
{
    /// <summary>Additional property of a request: an <see cref="IKvPolicy"/>, or a policy's name for <see cref="KvPolicyChatOptions.PolicyResolver"/>; <c>none</c> for a full cache.</summary>
    public const string PolicyKey = "kvpolicy.policy";

    /// <summary>Additional property of a request whose policy is a name: the fraction that stays, a number or its text.</summary>
    public const string KeepKey = "kvpolicy.keep";

    /// <summary>Additional property of a request whose policy is a name: the fraction that stays while decoding.</summary>
    public const string DecodeKeepKey = "kvpolicy.decodeKeep";

    /// <summary>Additional property of a response: its <see cref="Receipt"/>.</summary>
    public const string ReceiptKey = "kvpolicy.receipt";

    private const string NoPolicy = "none";

    /// <summary>Compresses this request's cache by a policy.</summary>
    /// <param name="options">Of the request.</param>
    /// <param name="policy">The policy.</param>
    /// <returns>The same options.</returns>
    public static ChatOptions WithPolicy(this ChatOptions options, IKvPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(policy);
        return options.With(PolicyKey, policy);
    }

    /// <summary>Compresses this request's cache by a policy that the client's resolver makes.</summary>
    /// <param name="options">Of the request.</param>
    /// <param name="name">Its name.</param>
    /// <param name="keep">The fraction that stays, above 0 and at most 1; null for the policy's own.</param>
    /// <param name="decodeKeep">The fraction that stays while decoding; null for <paramref name="keep"/>, else the policy's own.</param>
    /// <returns>The same options.</returns>
    public static ChatOptions WithPolicy(this ChatOptions options, string name, double? keep = null, double? decodeKeep = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(name);
        options.With(PolicyKey, name);
        if (keep is { } k) options.With(KeepKey, k);
        if (decodeKeep is { } d) options.With(DecodeKeepKey, d);
        return options;
    }

    /// <summary>What the run behind a response did; null where the response is not one of a <see cref="KvPolicyChatClient"/>.</summary>
    /// <param name="response">The response; also one put together from updates.</param>
    public static Receipt? GetReceipt(this ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        // Whoever puts a response together from updates gives what they carry to its message.
        return response.Messages.Select(message => message.AdditionalProperties).Prepend(response.AdditionalProperties)
            .Select(properties => properties?.GetValueOrDefault(ReceiptKey)).OfType<Receipt>().LastOrDefault();
    }

    /// <summary>The policy that a request asks for.</summary>
    /// <exception cref="ArgumentException">A property that cannot be read, or a name that nobody knows.</exception>
    internal static IKvPolicy? PolicyOf(ChatOptions? request, KvPolicyChatOptions client)
    {
        object? policy = request?.AdditionalProperties?.GetValueOrDefault(PolicyKey);
        Budget? keep = BudgetOf(request, KeepKey), decodeKeep = BudgetOf(request, DecodeKeepKey);
        if (policy is JsonElement { ValueKind: JsonValueKind.String } json) policy = json.GetString();
        if (policy is not string name)
        {
            if (keep is not null || decodeKeep is not null) throw new ArgumentException($"{KeepKey} and {DecodeKeepKey} go with a policy's name: set {PolicyKey} to one, or the budget on the policy that is given.");
            return policy switch
            {
                null => client.Policy,
                IKvPolicy given => given,
                _ => throw new ArgumentException($"{PolicyKey} is a {policy.GetType().Name}; give a policy, or the name of one."),
            };
        }

        if (name == NoPolicy) return null;
        if (client.PolicyResolver is not { } resolver) throw new ArgumentException($"{PolicyKey} is the name '{name}', but the client has no {nameof(KvPolicyChatOptions.PolicyResolver)}: set one, or give an instance.");
        return resolver(name, new PolicySettings { Keep = keep, DecodeKeep = decodeKeep }) ?? throw new ArgumentException($"{PolicyKey} is '{name}', which the client's resolver does not know.");
    }

    private static ChatOptions With(this ChatOptions options, string key, object value)
    {
        (options.AdditionalProperties ??= [])[key] = value;
        return options;
    }

    private static Budget? BudgetOf(ChatOptions? request, string key)
    {
        object? value = request?.AdditionalProperties?.GetValueOrDefault(key);
        string? text = value switch
        {
            null => null,
            Budget budget => budget.ToString(),
            JsonElement json => json.ToString(),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString(),
        };
        if (text is null) return null;
        if (value is Budget given) return given;
        return decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out decimal keep) && keep is > 0 and <= 1
            ? Budget.OfRatio(keep)
            : throw new ArgumentException($"{key} is {text}: expected the fraction that stays, above 0 and at most 1.");
    }
}
