namespace KvPolicy.Inference.Hub;

/// <summary>
/// Models of a hub on this machine: fetched over HTTPS into the cache that Hugging Face's own tools use, or found there.
/// <code>
/// HubFetch model = await ModelHub.FetchAsync(HubModel.Parse("HuggingFaceTB/SmolLM2-135M-Instruct"));
/// using var engine = InferenceEngine.Load(model.Path);
/// </code>
/// <see cref="InferenceEngine.Load"/> takes <c>hf:ORG/NAME</c> as well.
/// </summary>
public static class ModelHub
{
    /// <summary>Looks into the cache, and nowhere else.</summary>
    /// <param name="model">The model.</param>
    /// <param name="settings">Where the cache is; null for <see cref="HubSettings.FromEnvironment()"/>.</param>
    /// <returns>What to load, a folder or a .gguf; null where the model is not there whole.</returns>
    /// <exception cref="HubException">The cache cannot be read, or a variable of the environment holds what cannot be.</exception>
    public static string? Find(HubModel model, HubSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        settings ??= HubSettings.FromEnvironment();
        return Guarded(model, settings, () => CachedModel.Find(model, settings, out _)?.Path);
    }

    /// <summary>The model in the cache without a request where it is there whole, else fetched.</summary>
    /// <param name="model">The model.</param>
    /// <param name="settings">Hub and cache; null for <see cref="HubSettings.FromEnvironment()"/>.</param>
    /// <param name="progress">Told how far it is, from any thread.</param>
    /// <param name="cancellation">Ends it; what came is kept.</param>
    /// <returns>What to load: a folder, or a .gguf.</returns>
    /// <exception cref="HubException">As <see cref="FetchAsync"/>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<string> LocateAsync(
        HubModel model, HubSettings? settings = null, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        settings ??= HubSettings.FromEnvironment();
        return Find(model, settings) ?? (await FetchAsync(model, settings, progress, cancellation).ConfigureAwait(false)).Path;
    }

    /// <summary>
    /// Asks the hub what the model is now and fetches what the cache lacks: lengths and hashes checked, an interrupted download goes on where
    /// it was, nothing has its final name before it is whole. Where the hub must not be asked (<see cref="HubSettings.Offline"/>), what the
    /// cache has.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="settings">Hub and cache; null for <see cref="HubSettings.FromEnvironment()"/>.</param>
    /// <param name="progress">Told how far it is, from any thread.</param>
    /// <param name="cancellation">Ends it; what came is kept.</param>
    /// <exception cref="HubException">The model cannot be had; the message says why and what to do.</exception>
    /// <exception cref="Models.ModelFormatException">The repository's index of weights is damaged.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async Task<HubFetch> FetchAsync(
        HubModel model, HubSettings? settings = null, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        settings ??= HubSettings.FromEnvironment();
        if (settings.Offline) return Guarded(model, settings, () => OfCache(model, settings));
        try
        {
            using var http = new HubHttp(settings);
            return await new ModelFetch(model, settings, http, progress).RunAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw HubErrors.Disk(model, settings.CacheFolder, e);
        }
    }

    /// <summary>A path as it is, or where the model <c>hf:ORG/NAME</c> lies; fetched with this process's settings where the cache lacks it.</summary>
    /// <exception cref="HubException">It is no name, or the model cannot be had.</exception>
    internal static string Resolve(string path)
    {
        if (!HubModel.IsName(path)) return path;
        HubModel model = HubModel.Parse(path);
        // On the pool: a caller's synchronization context would wait for itself.
        return Task.Run(() => LocateAsync(model)).GetAwaiter().GetResult();
    }

    private static HubFetch OfCache(HubModel model, HubSettings settings)
        => CachedModel.Find(model, settings, out string lacks)?.Describe(model, settings) ?? throw HubErrors.Offline(model, settings.CacheFolder, lacks);

    private static T Guarded<T>(HubModel model, HubSettings settings, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{model.Repository}: the cache {settings.CacheFolder} cannot be read ({e.Message}); make it readable, or set HF_HOME to another", e);
        }
    }
}
