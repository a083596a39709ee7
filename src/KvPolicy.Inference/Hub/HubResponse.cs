using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Hub;

/// <summary>What the hub itself says of a file before it sends the client on: the first answer that says so counts.</summary>
internal sealed class LinkedHeaders
{
    internal BlobId? Id { get; private set; }

    internal long? Length { get; private set; }

    internal void Read(HttpResponseMessage response)
    {
        Id ??= BlobId.TryParse(HubErrors.Header(response, "X-Linked-Etag"));
        Length ??= long.TryParse(HubErrors.Header(response, "X-Linked-Size"), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) ? bytes : null;
    }
}

/// <summary>An answer whose content is still to be read.</summary>
internal sealed class HubResponse(
    HttpResponseMessage response, CancellationTokenSource patience, Uri address, LinkedHeaders linked, HubPurpose purpose, TimeSpan timeout) : IDisposable
{
    private Stream? _content;

    internal Uri Address => address;

    internal HttpStatusCode Status => response.StatusCode;

    internal BlobId? LinkedId => linked.Id;

    internal long? LinkedLength => linked.Length;

    /// <summary>Bytes that follow, where the server says.</summary>
    internal long? Length => response.Content.Headers.ContentLength;

    internal ContentRangeHeaderValue? Range => response.Content.Headers.ContentRange;

    internal EntityTagHeaderValue? Tag => response.Headers.ETag;

    internal bool IsEncoded => response.Content.Headers.ContentEncoding.Any(e => !e.Equals("identity", StringComparison.OrdinalIgnoreCase));

    /// <summary>The next bytes; 0 at the end.</summary>
    /// <exception cref="PassingFaultException">The connection broke, or nothing came for too long.</exception>
    internal async Task<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation)
    {
        patience.CancelAfter(timeout);
        try
        {
            _content ??= await response.Content.ReadAsStreamAsync(patience.Token).ConfigureAwait(false);
            return await _content.ReadAsync(buffer, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw HubErrors.Cut(purpose, address, Silence(timeout), e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw HubErrors.Cut(purpose, address, LoadError.Printable(e.Message.TrimEnd('.'), 200), e);
        }
    }

    internal static string Silence(TimeSpan timeout)
        => string.Create(CultureInfo.InvariantCulture, $"nothing came for {timeout.TotalSeconds:0.###} s");

    public void Dispose()
    {
        response.Dispose();
        patience.Dispose();
    }
}
