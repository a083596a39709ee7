namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>The tensors of a case, read in double precision: plain loops, one number at a time.</summary>
internal sealed class OracleTensors(TensorInput input)
{
    internal int Layers => input.Layers;

    internal int QueryHeads => input.QueryHeads;

    internal int KvHeads => input.KvHeads;

    internal int Length => input.Length;

    internal int Group => input.QueryHeads / input.KvHeads;

    internal IReadOnlyList<int> Shots => input.Shots ?? [];

    /// <summary>Softmax of q.k / sqrt(d) of one query over the given keys.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="queryHead">Query head.</param>
    /// <param name="row">The query.</param>
    /// <param name="keys">Positions that it may see.</param>
    internal double[] Attention(int layer, int queryHead, int row, IReadOnlyList<int> keys)
    {
        ReadOnlySpan<float> query = Row(input.Queries, layer, QueryHeads, queryHead, row);
        var probabilities = new double[keys.Count];
        double largest = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < keys.Count; i++)
        {
            ReadOnlySpan<float> key = Key(layer, queryHead / Group, keys[i]);
            double dot = 0;
            for (int c = 0; c < key.Length; c++) dot += (double)query[c] * key[c];
            probabilities[i] = dot / Math.Sqrt(input.HeadDim);
            largest = Math.Max(largest, probabilities[i]);
        }

        for (int i = 0; i < keys.Count; i++) sum += probabilities[i] = Math.Exp(probabilities[i] - largest);
        for (int i = 0; i < keys.Count; i++) probabilities[i] /= sum;
        return probabilities;
    }

    /// <summary>Attention that each of the first <paramref name="prompt"/> keys gets from the last rows of the prompt, added up over the rows.</summary>
    internal double[] ColumnSums(int layer, int queryHead, int prompt, int rows)
    {
        var sums = new double[prompt];
        for (int row = Math.Max(0, prompt - rows); row < prompt; row++)
        {
            double[] attention = Attention(layer, queryHead, row, [.. Enumerable.Range(0, row + 1)]);
            for (int key = 0; key <= row; key++) sums[key] += attention[key];
        }

        return sums;
    }

    /// <summary>Euclidean norm of a key.</summary>
    internal double KeyNorm(int layer, int kvHead, int position)
    {
        double sum = 0;
        foreach (float x in Key(layer, kvHead, position)) sum += (double)x * x;
        return Math.Sqrt(sum);
    }

    private ReadOnlySpan<float> Key(int layer, int kvHead, int position) => Row(input.Keys, layer, KvHeads, kvHead, position);

    private ReadOnlySpan<float> Row(ReadOnlyMemory<float> tensor, int layer, int heads, int head, int row)
        => tensor.Span.Slice(((layer * heads + head) * input.Length + row) * input.HeadDim, input.HeadDim);
}
