using System.Net;
using System.Net.Http.Headers;

namespace KvPolicy.Inference.Hub;

/// <summary>
/// Requests to the hub. Redirects are followed here and not by the handler, because the token must go to the hub's own host and nowhere
/// else, and because the answer before the redirect is what names the content.
/// </summary>
internal sealed class HubHttp : IDisposable
{
    private const int MostRedirects = 10;
    private const long LongestAnswer = 1 << 26;

    private readonly HttpClient _client;
    private readonly HubSettings _settings;
    private readonly string? _token;
    private readonly string _base;
    private bool _answered;

    /// <summary>Reads the token; connects to nothing yet.</summary>
    internal HubHttp(HubSettings settings)
    {
        (_settings, _token) = (settings, settings.ReadToken());
        _base = settings.Endpoint.AbsoluteUri.TrimEnd('/');
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ConnectTimeout = settings.Timeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            Proxy = new ProxyBeyondThisMachine(HttpClient.DefaultProxy),
        })
        { Timeout = Timeout.InfiniteTimeSpan };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("kvpolicy", typeof(HubHttp).Assembly.GetName().Version?.ToString(3)));
        // Lengths and ranges are those of the file, not of a compressed form.
        _client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
    }

    /// <summary>What a request of this client is for.</summary>
    internal HubPurpose Purpose(HubModel model, string? file) => new(model, file, _token is not null);

    /// <summary>The whole answer to a request for JSON; tried again where the fault may pass.</summary>
    internal Task<(Uri Address, byte[] Json)> GetJsonAsync(HubPurpose purpose, string path, CancellationToken cancellation)
        => Patience.TryAsync(_settings.Clock, async () =>
        {
            using HubResponse response = await SendAsync(purpose, new HubRequest(HttpMethod.Get, path), cancellation).ConfigureAwait(false);
            using var all = new MemoryStream();
            byte[] buffer = new byte[1 << 16];
            for (int read; (read = await response.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
            {
                all.Write(buffer, 0, read);
                if (all.Length > LongestAnswer) throw HubErrors.NoHub(response.Address, "its answer has no end");
            }

            if (response.Length is { } length && all.Length < length) throw HubErrors.Cut(purpose, response.Address, "the answer is cut short");
            return (response.Address, all.ToArray());
        }, cancellation);

    /// <summary>Id and length of a file where the list lacks them; tried again where the fault may pass.</summary>
    internal Task<(BlobId? Id, long? Bytes)> HeadAsync(HubPurpose purpose, string path, CancellationToken cancellation)
        => Patience.TryAsync(_settings.Clock, async () =>
        {
            using HubResponse response = await SendAsync(purpose, new HubRequest(HttpMethod.Head, path), cancellation).ConfigureAwait(false);
            // A redirect's own length is that of its few words.
            return (response.LinkedId ?? BlobId.TryParse(response.Tag?.Tag), response.LinkedLength ?? (response.Status == HttpStatusCode.OK ? response.Length : null));
        }, cancellation);

    /// <summary>Sends a request and follows where it is sent on; for HEAD only as far as the hub itself, which knows what stands behind.</summary>
    /// <exception cref="HubException">The answer is final.</exception>
    /// <exception cref="PassingFaultException">Another attempt may succeed.</exception>
    internal async Task<HubResponse> SendAsync(HubPurpose purpose, HubRequest request, CancellationToken cancellation)
    {
        var target = new Uri(_base + request.Path);
        var linked = new LinkedHeaders();
        for (int hop = 0; hop <= MostRedirects; hop++)
        {
            var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            HttpResponseMessage? response = null;
            try
            {
                response = await HopAsync(purpose, request, target, patience, cancellation).ConfigureAwait(false);
                if (IsHub(target)) linked.Read(response);
                Uri? next = Redirect(purpose, target, response);
                bool ends = next is null || (request.Method == HttpMethod.Head && !IsHub(next));
                if (!ends)
                {
                    target = next!;
                    continue;
                }

                if (next is null && !response.IsSuccessStatusCode && response.StatusCode != HttpStatusCode.RequestedRangeNotSatisfiable) throw Refused(purpose, target, response);
                var whole = new HubResponse(response, patience, target, linked, purpose, _settings.Timeout);
                (response, patience) = (null, null);
                return whole;
            }
            finally
            {
                response?.Dispose();
                patience?.Dispose();
            }
        }

        throw HubErrors.Unsafe(purpose, _settings.Endpoint, target.Host, "and on, without end");
    }

    public void Dispose() => _client.Dispose();

    private async Task<HttpResponseMessage> HopAsync(
        HubPurpose purpose, HubRequest request, Uri target, CancellationTokenSource patience, CancellationToken cancellation)
    {
        using HttpRequestMessage message = request.ToMessage(target);
        if (_token is not null && IsHub(target)) message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
        patience.CancelAfter(_settings.Timeout);
        try
        {
            HttpResponseMessage response = await _client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, patience.Token).ConfigureAwait(false);
            patience.CancelAfter(Timeout.InfiniteTimeSpan);
            _answered = true;
            return response;
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw HubErrors.Silent(purpose, target, _settings.Timeout, e, _answered);
        }
        catch (HttpRequestException e)
        {
            throw HubErrors.Network(purpose, target, e, _answered);
        }
    }

    // Same scheme, host and port: another port of the host is another server.
    private bool IsHub(Uri address)
        => Uri.Compare(address, _settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private static Uri? Redirect(HubPurpose purpose, Uri from, HttpResponseMessage response)
    {
        if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308)) return null;
        string to = response.Headers.Location?.OriginalString ?? "";
        if (to.Length == 0 || !Uri.TryCreate(from, to, out Uri? next) || next.Scheme is not ("http" or "https"))
            throw HubErrors.Unsafe(purpose, from, to, "which is no address");
        if (from.Scheme == "https" && next.Scheme == "http") throw HubErrors.Unsafe(purpose, from, next.GetLeftPart(UriPartial.Path), "which is not encrypted");
        return next;
    }

    private Exception Refused(HubPurpose purpose, Uri target, HttpResponseMessage response)
    {
        // A store's address is good for some minutes only; the hub gives a new one.
        if (!IsHub(target) && response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound)
            return new PassingFaultException($"{purpose.What}: {target.Host}, where the hub keeps the file, refuses it ({(int)response.StatusCode}); pull again, or check HF_ENDPOINT and proxies");
        return HubErrors.Refused(purpose, IsHub(target) ? _settings.Endpoint : target, response, _settings.Clock);
    }

    /// <summary>The proxy of the environment, for other machines only.</summary>
    private sealed class ProxyBeyondThisMachine(IWebProxy proxy) : IWebProxy
    {
        public ICredentials? Credentials { get => proxy.Credentials; set => proxy.Credentials = value; }

        public Uri? GetProxy(Uri destination) => destination.IsLoopback ? null : proxy.GetProxy(destination);

        public bool IsBypassed(Uri host) => host.IsLoopback || proxy.IsBypassed(host);
    }
}
