using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Hub;

/// <summary>What a request was for, so that its failure can be told.</summary>
/// <param name="Model">The model.</param>
/// <param name="File">The file, or null for the list of files.</param>
/// <param name="HasToken">A token was sent along.</param>
internal sealed record HubPurpose(HubModel Model, string? File, bool HasToken)
{
    internal string What => File is null ? Model.Repository : $"{Model.Repository}/{LoadError.Printable(File, 120)}";
}

/// <summary>The one-line messages of everything that goes wrong on the way: what, and what to do.</summary>
internal static class HubErrors
{
    private const int UnixDiskFull = 28, UnixQuota = 122, WindowsDiskFull = 0x70, WindowsHandleDiskFull = 0x27;

    /// <summary>An address that answers, but not as a hub does.</summary>
    internal static HubException NoHub(Uri address, string problem, Exception? inner = null)
        => new($"{Shown(address)} does not answer as a hub does: {problem}; check HF_ENDPOINT, and whether a proxy or a login page stands between", inner);

    /// <summary>An answer that is neither the content nor a redirect: what may pass is a <see cref="PassingFaultException"/>.</summary>
    internal static Exception Refused(HubPurpose purpose, Uri endpoint, HttpResponseMessage response, TimeProvider clock)
    {
        string code = Header(response, "X-Error-Code"), said = Header(response, "X-Error-Message");
        int status = (int)response.StatusCode;
        return response.StatusCode switch
        {
            HttpStatusCode.TooManyRequests => new PassingFaultException($"{purpose.What}: {Host(endpoint)} takes no more requests for now (429); "
                + (purpose.HasToken ? "wait a while and pull again" : "wait a while and pull again, or set HF_TOKEN: who is known may ask more often"), Wait(response, clock)),
            HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError => new PassingFaultException(
                $"{purpose.What}: {Host(endpoint)} has a fault of its own ({status}); what came is kept: pull again later", Wait(response, clock)),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => NotAllowed(purpose, endpoint, status, code, said),
            HttpStatusCode.NotFound => NotFound(purpose, endpoint, code),
            _ => new HubException($"{purpose.What}: {Host(endpoint)} answers {status}{Quoted(said)}; check the name, and HF_ENDPOINT"),
        };
    }

    private static HubException NotAllowed(HubPurpose purpose, Uri endpoint, int status, string code, string said)
    {
        string page = $"{endpoint.AbsoluteUri.TrimEnd('/')}/{purpose.Model.Repository}", tokens = $"{endpoint.AbsoluteUri.TrimEnd('/')}/settings/tokens";
        if (code == "GatedRepo")
            return new HubException($"{purpose.What}: the model is gated ({status}); accept its licence at {page}, "
                + (purpose.HasToken ? "with the account that HF_TOKEN belongs to, and pull again" : $"then set HF_TOKEN to a token of that account ({tokens})"));
        if (said.Contains("disabled", StringComparison.OrdinalIgnoreCase))
            return new HubException($"{purpose.What}: {Host(endpoint)} has disabled the repository ({status}); use another");
        if (purpose.HasToken)
            return new HubException($"{purpose.What}: {Host(endpoint)} refuses the token ({status}{Quoted(said)}); it is mistyped or expired, or may not read this repository: "
                + $"set HF_TOKEN to a token that may ({tokens}), or unset it for a public model");
        return new HubException($"{purpose.What}: no such public repository on {Host(endpoint)} ({status}); check the spelling of ORG/NAME; "
            + $"for a private or gated one set HF_TOKEN ({tokens})");
    }

    private static HubException NotFound(HubPurpose purpose, Uri endpoint, string code)
    {
        HubModel model = purpose.Model;
        string page = $"{endpoint.AbsoluteUri.TrimEnd('/')}/{model.Repository}";
        if (code == "RevisionNotFound")
            return new HubException($"{model.Repository}: no revision {model.Revision} (404); check the branch, tag or commit at {page}/commits/{HubModel.DefaultRevision}");
        if (purpose.File is not null && code is "EntryNotFound" or "")
            return new HubException($"{purpose.What}: no such file at {model.Revision} (404); {page}/tree/{model.Revision} lists the files");
        if (code == "RepoNotFound")
            return new HubException($"{model.Repository}: no such repository on {Host(endpoint)} (404); check the spelling of ORG/NAME"
                + (purpose.HasToken ? ", and that the token's account may see it" : "; for a private one set HF_TOKEN"));
        return new HubException($"{model.Repository}: {Host(endpoint)} knows no such repository or no revision {model.Revision} (404); check both, and HF_ENDPOINT");
    }

    /// <summary>No answer at all. What may pass is a <see cref="PassingFaultException"/>; so is all but a bad certificate once the hub has answered.</summary>
    internal static Exception Network(HubPurpose purpose, Uri address, Exception e, bool answered)
    {
        string host = Host(address);
        HttpRequestError error = e is HttpRequestException http ? http.HttpRequestError : HttpRequestError.Unknown;
        if (error == HttpRequestError.SecureConnectionError || e.InnerException is AuthenticationException)
            return new HubException($"{purpose.What}: the certificate of {host} is not trusted ({Innermost(e)}); check this machine's clock and certificates "
                + "(SSL_CERT_FILE where a proxy signs with its own), and HF_ENDPOINT", e);
        bool isUnreachable = error is HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.ProxyTunnelError;
        if (!isUnreachable) return Cut(purpose, address, Innermost(e), e);
        string message = Unreachable(purpose, host, Innermost(e));
        return answered ? new PassingFaultException(message, null, e) : new HubException(message, e);
    }

    /// <summary>Nothing came for too long. A hub that has not answered yet is not waited for again.</summary>
    internal static Exception Silent(HubPurpose purpose, Uri address, TimeSpan timeout, Exception e, bool answered)
        => answered ? Cut(purpose, address, HubResponse.Silence(timeout), e) : new HubException(Unreachable(purpose, Host(address), HubResponse.Silence(timeout)), e);

    /// <summary>The connection broke.</summary>
    internal static PassingFaultException Cut(HubPurpose purpose, Uri address, string how, Exception? e = null)
        => new($"{purpose.What}: the connection to {Host(address)} broke ({how}); what came is kept: pull again to go on", null, e);

    internal static HubException Unsafe(HubPurpose purpose, Uri from, string to, string problem)
        => new($"{purpose.What}: {Host(from)} redirects to '{LoadError.Printable(to, 120)}', {problem}; check HF_ENDPOINT");

    internal static HubException WrongLength(HubPurpose purpose, long expected, string found)
        => new(string.Create(CultureInfo.InvariantCulture, $"{purpose.What}: {found}, the hub's list says {expected} bytes; nothing of it is kept: pull again, and where that does not help, check HF_ENDPOINT and proxies"));

    internal static HubException WrongContent(HubPurpose purpose, BlobId id, string sha256)
        => new($"{purpose.What}: the content is not what the hub's list says (expected {id}, SHA-256 of what came {sha256}); nothing of it is kept: pull again, "
            + "and where that does not help, check HF_ENDPOINT and proxies");

    internal static HubException Changed(HubPurpose purpose)
        => new($"{purpose.What}: the file has become another one since it was listed; pull again");

    internal static HubException NoHash(HubPurpose purpose, Uri endpoint)
        => new($"{purpose.What}: {Host(endpoint)} gives no length or no hash of the file, so that it cannot be checked; set HF_ENDPOINT to a hub that does, or unset it");

    /// <summary>The disk refuses.</summary>
    internal static HubException Disk(HubModel model, string folder, Exception e)
        => IsDiskFull(e)
            ? new HubException($"{model.Repository}: the disk of {folder} is full; free some space, or set HF_HOME to a folder on another disk; what came is kept", e)
            : new HubException($"{model.Repository}: the cache {folder} cannot be written ({e.Message}); set HF_HOME to a folder that may be", e);

    /// <summary>True where there was no room to write.</summary>
    internal static bool IsDiskFull(Exception e)
    {
        int code = e.HResult & 0xFFFF;
        return OperatingSystem.IsWindows() ? code is WindowsDiskFull or WindowsHandleDiskFull : code is UnixDiskFull or UnixQuota;
    }

    internal static HubException NoRoom(HubModel model, string folder, long needed, long free)
        => new($"{model.Repository}: {ByteCount.Show(needed)} are still to come, but the disk of {folder} has {ByteCount.Show(free)} free; free some space, or set HF_HOME to a folder on another disk");

    internal static HubException Offline(HubModel model, string folder, string lacks)
        => new($"{HubModel.Prefix}{model} is not in the cache {folder} ({lacks}), and HF_HUB_OFFLINE is set; unset it, or copy the cache of a machine where `kvpolicy pull {model}` has run");

    private static string Unreachable(HubPurpose purpose, string host, string how)
        => $"{purpose.What}: {host} cannot be reached ({how}); check the network, the proxy (HTTPS_PROXY) and HF_ENDPOINT; what the cache has runs without: set HF_HUB_OFFLINE=1";

    private static TimeSpan? Wait(HttpResponseMessage response, TimeProvider clock) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - clock.GetUtcNow(),
        _ => null,
    };

    internal static string Header(HttpResponseMessage response, string name)
        => response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? LoadError.Printable(string.Join(", ", values), 200) : "";

    private static string Quoted(string said) => said.Length == 0 ? "" : $": {said}";

    private static string Innermost(Exception e)
    {
        while (e.InnerException is not null) e = e.InnerException;
        return LoadError.Printable(e.Message.TrimEnd('.'), 200);
    }

    private static string Host(Uri address) => address.IsDefaultPort ? address.Host : address.Authority;

    // Without the query: redirects carry signatures there.
    private static string Shown(Uri address) => LoadError.Printable(address.GetLeftPart(UriPartial.Path), 200);
}
