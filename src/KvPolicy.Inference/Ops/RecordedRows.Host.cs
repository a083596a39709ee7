using System.Runtime.InteropServices;

namespace KvPolicy.Inference.Ops;

/// <summary>Queries and log-sum-exp of every row of a prompt, layer by layer: what any policy could read of it. Owns them.</summary>
internal sealed unsafe class RecordedRows : IDisposable
{
    private readonly HostMatrix?[] _queries;    // [layers] of [rows, queryHeads * headDim]
    private readonly nint[] _logSumExp;         // [layers] of [queryHeads, rows]

    /// <summary>Of so many layers, none recorded yet.</summary>
    internal RecordedRows(int layers) => (_queries, _logSumExp) = (new HostMatrix?[layers], new nint[layers]);

    /// <summary>Takes over the rows of a layer.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="queries">[rows, queryHeads * headDim], after RoPE.</param>
    /// <param name="logSumExp">[queryHeads, rows], from the C heap.</param>
    internal void Keep(int layer, HostMatrix queries, float* logSumExp) => (_queries[layer], _logSumExp[layer]) = (queries, (nint)logSumExp);

    /// <summary>The first keys of a layer with the recorded rows that belong to them.</summary>
    /// <param name="layer">Layer of the cache that was forked; its length is the number of tokens.</param>
    /// <param name="first">First row that is read; the length where none is.</param>
    /// <param name="heads">Sizes.</param>
    /// <param name="slidingWindow">Of the model; 0 for none.</param>
    internal LayerView View(LayerView layer, int first, HeadShape heads, int slidingWindow)
    {
        HostMatrix queries = _queries[layer.Layer] ?? throw new InvalidOperationException("The layer was not recorded.");
        return layer with
        {
            Queries = queries.Data + (long)first * heads.QuerySize,
            LogSumExps = (float*)_logSumExp[layer.Layer] + first,
            LogSumExpStride = queries.Rows,
            Rows = Math.Max(0, layer.Length - first),
            FirstRowPosition = first,
            QueryStride = heads.QuerySize,
            SlidingWindow = slidingWindow,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (HostMatrix? queries in _queries) queries?.Dispose();
        foreach (nint rows in _logSumExp) NativeMemory.Free((void*)rows);
        Array.Clear(_queries);
        Array.Clear(_logSumExp);
    }
}
