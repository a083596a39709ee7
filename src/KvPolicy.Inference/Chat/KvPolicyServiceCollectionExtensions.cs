using KvPolicy.Inference;
using Microsoft.Extensions.AI;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>A chat client for a container.</summary>
public static class KvPolicyServiceCollectionExtensions
{
    /// <summary>
    /// Adds a <see cref="KvPolicyChatClient"/>, as itself and as <see cref="IChatClient"/>: one for the container, which loads the model with its
    /// first request and is disposed with it. For a pipeline around it:
    /// <c>services.AddChatClient(provider => provider.GetRequiredService&lt;KvPolicyChatClient&gt;()).UseLogging()</c>.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="model">A .gguf, a Hugging Face folder, a llama2.c .bin, or <c>embedded</c>.</param>
    /// <param name="configure">Sets policy, format and bounds; null for the defaults.</param>
    /// <param name="engine">Device, threads, tokenizer; null for the defaults.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKvPolicyChatClient(this IServiceCollection services, string model, Action<KvPolicyChatOptions>? configure = null, EngineOptions? engine = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(model);
        services.AddSingleton(_ =>
        {
            var options = new KvPolicyChatOptions();
            configure?.Invoke(options);
            return new KvPolicyChatClient(model, engine, options);
        });
        return services.AddSingleton<IChatClient>(provider => provider.GetRequiredService<KvPolicyChatClient>());
    }
}
