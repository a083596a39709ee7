using System.Globalization;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Hub;

/// <summary>Where models are fetched from and kept. <see cref="FromEnvironment()"/> reads the variables that Hugging Face's own tools read.</summary>
public sealed record HubSettings
{
    /// <summary>The hub that is asked where <c>HF_ENDPOINT</c> names none.</summary>
    public static Uri DefaultEndpoint { get; } = new("https://huggingface.co");

    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The hub: <c>HF_ENDPOINT</c>.</summary>
    public Uri Endpoint { get; init; } = DefaultEndpoint;

    /// <summary>Folder of the cache: <c>HF_HUB_CACHE</c>, else <c>HF_HOME/hub</c>, else <c>~/.cache/huggingface/hub</c>.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Sent to <see cref="Endpoint"/> and to no other host: <c>HF_TOKEN</c>. Null for none.</summary>
    public string? Token { get; init; }

    /// <summary>File that holds the token where <see cref="Token"/> is null: <c>HF_TOKEN_PATH</c>, else <c>HF_HOME/token</c>. Need not exist.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Nothing is asked of the network: <c>HF_HUB_OFFLINE=1</c>.</summary>
    public bool Offline { get; init; }

    /// <summary>A snapshot links to its files; false (<c>HF_HUB_DISABLE_SYMLINKS=1</c>), or where the disk knows no links: it holds them.</summary>
    public bool SymbolicLinks { get; init; } = true;

    /// <summary>Longest silence of the server: <c>HF_HUB_DOWNLOAD_TIMEOUT</c> in seconds, else 30 s.</summary>
    public TimeSpan Timeout { get; init; } = DefaultTimeout;

    /// <summary>Clock of the pauses between attempts.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>The settings of this process's environment.</summary>
    /// <exception cref="HubException">A variable holds what cannot be.</exception>
    public static HubSettings FromEnvironment()
        // Unverified: where HOME does not exist, the cache must not land in the working folder instead.
        => FromEnvironment(Environment.GetEnvironmentVariable, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify));

    /// <summary>The settings of any environment.</summary>
    /// <param name="variable">Value of a variable, or null.</param>
    /// <param name="userFolder">What <c>~</c> stands for.</param>
    internal static HubSettings FromEnvironment(Func<string, string?> variable, string userFolder)
    {
        string? Value(string name) => variable(name) is { Length: > 0 } value ? value : null;
        string? Folder(string name) => Value(name) is { } path ? Expand(path, userFolder) : null;
        bool IsSet(string name) => Value(name)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

        string home = Folder("HF_HOME") ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Path.Combine(userFolder, ".cache"), "huggingface");
        bool anonymous = IsSet("HF_HUB_DISABLE_IMPLICIT_TOKEN");
        return new HubSettings
        {
            Endpoint = Value("HF_ENDPOINT") is { } endpoint ? ToEndpoint(endpoint) : DefaultEndpoint,
            CacheFolder = Path.GetFullPath(Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub")),
            Token = anonymous ? null : (Value("HF_TOKEN") ?? Value("HUGGING_FACE_HUB_TOKEN"))?.Trim(),
            TokenFile = anonymous ? null : Folder("HF_TOKEN_PATH") ?? Path.Combine(home, "token"),
            Offline = IsSet("HF_HUB_OFFLINE") || IsSet("TRANSFORMERS_OFFLINE"),
            SymbolicLinks = !IsSet("HF_HUB_DISABLE_SYMLINKS"),
            Timeout = Value("HF_HUB_DOWNLOAD_TIMEOUT") is { } seconds ? ToTimeout(seconds) : DefaultTimeout,
        };
    }

    /// <summary>The token, from wherever it is; null for none.</summary>
    /// <exception cref="HubException">Its file cannot be read, or it holds what no header may.</exception>
    internal string? ReadToken()
    {
        string? token = string.IsNullOrEmpty(Token) ? FromFile() : Token;
        if (string.IsNullOrEmpty(token)) return null;
        return token.All(c => c is > ' ' and < '\x7f')
            ? token
            : throw new HubException("HF_TOKEN: the token holds spaces or characters that no token has; set it again, as the hub showed it");
    }

    /// <summary>Everything but the token: that is nobody's to print.</summary>
    public override string ToString() => $"{Endpoint} -> {CacheFolder}{(Offline ? ", offline" : "")}";

    private string? FromFile()
    {
        if (TokenFile is null || !File.Exists(TokenFile)) return null;
        try
        {
            return File.ReadAllText(TokenFile).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"{TokenFile}: the token cannot be read ({e.Message}); make the file readable, or set HF_TOKEN", e);
        }
    }

    private static string Expand(string path, string userFolder)
        => path == "~" || path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith("~\\", StringComparison.Ordinal) ? userFolder + path[1..] : path;

    private static Uri ToEndpoint(string text)
    {
        bool fits = Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https"
            && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0;
        return fits ? uri! : throw new HubException($"HF_ENDPOINT '{LoadError.Printable(text)}' is no address of a hub; write it as {DefaultEndpoint.AbsoluteUri}, or unset it");
    }

    private static TimeSpan ToTimeout(string text)
        => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and <= 86400
            ? TimeSpan.FromSeconds(seconds)
            : throw new HubException($"HF_HUB_DOWNLOAD_TIMEOUT '{LoadError.Printable(text)}' is no number of seconds up to 86400; set one such as 30, or unset it");
}
