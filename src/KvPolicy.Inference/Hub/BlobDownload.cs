using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace KvPolicy.Inference.Hub;

/// <summary>
/// Brings one content into the cache. What has come stays in a file beside, whatever ends the program, and the next attempt goes on behind
/// it; the file gets its name when length and hash are right, and on the disk.
/// </summary>
internal sealed class BlobDownload : IDisposable
{
    private const int BufferBytes = 1 << 17;
    // An attempt that brings less got nowhere: a server that sends a byte and hangs up must not be asked for ever.
    private const long LeastProgress = 1 << 16;
    // Once more from the start: an earlier program may have left a wrong beginning.
    private const int MostWrong = 2;

    private readonly HubHttp _http;
    private readonly HubPurpose _purpose;
    private readonly string _path;
    private readonly BlobId _id;
    private readonly long _length;
    private readonly Action<long> _report;
    private readonly FileStream _file;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private BlobHash _hash;
    private EntityTagHeaderValue? _tag;
    private int _wrong;
    private bool _whole;

    /// <summary>Opens what an earlier attempt left.</summary>
    /// <param name="http">Requests.</param>
    /// <param name="purpose">For messages.</param>
    /// <param name="path">Path below the endpoint.</param>
    /// <param name="id">The content.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="incomplete">File beside the content's place.</param>
    /// <param name="report">Told how many bytes of it are here.</param>
    internal BlobDownload(HubHttp http, HubPurpose purpose, string path, BlobId id, long length, string incomplete, Action<long> report)
    {
        (_http, _purpose, _path, _id, _length, _report) = (http, purpose, path, id, length, report);
        // No buffer of ours: what was received is the system's at once, and survives this process.
        _file = new FileStream(incomplete, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 0);
        _hash = new BlobHash(id, length);
    }

    /// <summary>Bytes that came over the network.</summary>
    internal long Received { get; private set; }

    /// <summary>Brings all of it and gives its SHA-256; the file is whole and on the disk then.</summary>
    /// <exception cref="HubException">It cannot be had; what is of use for the next attempt is kept.</exception>
    internal async Task<string> RunAsync(TimeProvider clock, CancellationToken cancellation)
    {
        var patience = new Patience(clock);
        if (_file.Length > _length) _file.SetLength(0);
        _hash.Append(_file);
        _report(_file.Position);
        while (true)
        {
            long before = _file.Position;
            try
            {
                if (_file.Position < _length) await AttemptAsync(cancellation).ConfigureAwait(false);
            }
            catch (PassingFaultException fault)
            {
                if (_file.Position - before >= LeastProgress) patience.Renew();
                await patience.WaitAsync(fault, cancellation).ConfigureAwait(false);
                continue;
            }

            (string sha256, bool fits) = _hash.Finish();
            if (fits)
            {
                _file.Flush(flushToDisk: true);
                _whole = true;
                return sha256;
            }

            Discard();
            if (++_wrong == MostWrong) throw HubErrors.WrongContent(_purpose, _id, sha256);
        }
    }

    public void Dispose()
    {
        bool isOfUse = _whole || _file.Length > 0;
        _file.Dispose();
        _hash.Dispose();
        if (!isOfUse) File.Delete(_file.Name);
    }

    private async Task AttemptAsync(CancellationToken cancellation)
    {
        using HubResponse response = await _http.SendAsync(_purpose, new HubRequest(HttpMethod.Get, _path, _file.Position, _tag), cancellation).ConfigureAwait(false);
        if (response.LinkedId is { } linked && linked != _id) throw HubErrors.Changed(_purpose);
        if (response.IsEncoded) throw Discarded($"{response.Address.Host} compresses the file although asked not to");
        // Who ignores ranges sends the whole; so does, by If-Range, who has another content by now.
        if (response.Status == HttpStatusCode.OK && _file.Position > 0) Discard();
        if (response.Status != HttpStatusCode.OK && !GoesOn(response))
        {
            Discard();
            throw HubErrors.Cut(_purpose, response.Address, "it cannot go on where it was");
        }

        // A part may be shorter than what was asked for: the rest is asked for again.
        if (response.Status == HttpStatusCode.OK && response.Length is { } all && all != _length) throw Discarded(Holds(response, all));
        _tag = response.Tag is { IsWeak: false } tag ? tag : null;
        await ReceiveAsync(response, cancellation).ConfigureAwait(false);
        if (_file.Position < _length) throw HubErrors.Cut(_purpose, response.Address, string.Create(CultureInfo.InvariantCulture, $"after {_file.Position} of {_length} bytes"));
    }

    // The part that was asked for, of the content that was begun.
    private bool GoesOn(HubResponse response)
    {
        if (_file.Position == 0 || response.Status != HttpStatusCode.PartialContent || response.Range?.From != _file.Position) return false;
        if (response.Range.Length is { } all && all != _length) throw Discarded(Holds(response, all));
        return _tag is null || response.Tag is null || _tag.Equals(response.Tag);
    }

    private static string Holds(HubResponse response, long bytes) => string.Create(CultureInfo.InvariantCulture, $"{response.Address.Host} has {bytes} bytes");

    private async Task ReceiveAsync(HubResponse response, CancellationToken cancellation)
    {
        for (int read; (read = await response.ReadAsync(_buffer, cancellation).ConfigureAwait(false)) > 0;)
        {
            if (_file.Position + read > _length) throw Discarded($"{response.Address.Host} sends more bytes");
            _file.Write(_buffer, 0, read);
            _hash.Append(_buffer.AsSpan(0, read));
            Received += read;
            _report(_file.Position);
        }
    }

    private HubException Discarded(string found)
    {
        Discard();
        return HubErrors.WrongLength(_purpose, _length, found);
    }

    private void Discard()
    {
        _file.SetLength(0);
        _hash.Dispose();
        _hash = new BlobHash(_id, _length);
        _tag = null;
        _report(0);
    }
}
