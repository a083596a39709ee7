using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace KvPolicy.Tests.Hub;

/// <summary>A request as it came.</summary>
internal sealed record ServerRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>Path without the query.</summary>
    internal string Path => Target.Split('?')[0];

    internal string? Header(string name) => Headers.GetValueOrDefault(name);
}

/// <summary>What is answered.</summary>
internal sealed record ServerReply(int Status, byte[] Body)
{
    internal Dictionary<string, string> Headers { get; init; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Hang up after so many bytes of the body.</summary>
    internal int? CutAfter { get; init; }

    /// <summary>Send nothing at all, and keep the connection.</summary>
    internal bool IsSilent { get; init; }

    /// <summary>No Content-Length: the end of the connection is the end of the body.</summary>
    internal bool IsEndless { get; init; }

    /// <summary>Of so many bytes, how many may be sent now; waits until it is at least one.</summary>
    internal Func<int, Task<int>>? Pace { get; init; }

    internal static ServerReply Of(int status, string body = "", params (string Name, string Value)[] headers)
    {
        var reply = new ServerReply(status, Encoding.UTF8.GetBytes(body));
        foreach ((string name, string value) in headers) reply.Headers[name] = value;
        return reply;
    }
}

/// <summary>HTTP/1.1 on 127.0.0.1, one request a connection, on a port that the system gives.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private const int Piece = 1 << 14;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<ServerRequest, ServerReply> _answer;
    private readonly X509Certificate2? _certificate;

    internal LoopbackServer(Func<ServerRequest, ServerReply> answer, X509Certificate2? certificate = null)
    {
        (_answer, _certificate) = (answer, certificate);
        _listener.Start();
        Address = new Uri($"{(certificate is null ? "http" : "https")}://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _ = AcceptAsync();
    }

    internal Uri Address { get; }

    /// <summary>Every request, in order.</summary>
    internal ConcurrentQueue<ServerRequest> Requests { get; } = new();

    public void Dispose()
    {
        _end.Cancel();
        _listener.Stop();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_end.Token);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                Stream stream = client.GetStream();
                if (_certificate is not null)
                {
                    var tls = new SslStream(stream);
                    await tls.AuthenticateAsServerAsync(_certificate);
                    stream = tls;
                }

                if (await ReadAsync(stream) is not { } request) return;
                Requests.Enqueue(request);
                await WriteAsync(client, stream, request, _answer(request));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
            {
                // The client has gone, which is its right.
            }
        }
    }

    private static async Task<ServerRequest?> ReadAsync(Stream stream)
    {
        var text = new StringBuilder();
        byte[] one = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one) == 0) return null;
            text.Append((char)one[0]);
        }

        string[] lines = text.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string[] first = lines[0].Split(' ');
        return new ServerRequest(first[0], first[1], lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.OrdinalIgnoreCase));
    }

    private async Task WriteAsync(TcpClient client, Stream stream, ServerRequest request, ServerReply reply)
    {
        if (reply.IsSilent) await Task.Delay(Timeout.Infinite, _end.Token);
        var head = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {reply.Status} Said\r\nConnection: close\r\n"));
        if (!reply.IsEndless && !reply.Headers.ContainsKey("Content-Length")) head.Append(CultureInfo.InvariantCulture, $"Content-Length: {reply.Body.Length}\r\n");
        foreach ((string name, string value) in reply.Headers) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()));
        if (request.Method == "HEAD") return;
        int end = Math.Min(reply.CutAfter ?? int.MaxValue, reply.Body.Length);
        for (int at = 0; at < end;)
        {
            int next = Math.Min(end, at + Piece);
            if (reply.Pace is not null) next = at + await reply.Pace(next - at);
            await stream.WriteAsync(reply.Body.AsMemory(at, next - at), _end.Token);
            at = next;
        }

        // A cut: what was sent arrives, then the connection ends before its time.
        if (stream is not SslStream) client.Client.Shutdown(SocketShutdown.Send);
    }
}
