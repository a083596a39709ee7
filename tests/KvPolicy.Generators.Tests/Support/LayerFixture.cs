namespace KvPolicy.Generators.Tests.Support;

/// <summary>Shape of a test layer.</summary>
/// <param name="Tokens">Keys held.</param>
/// <param name="QueryHeads">Query heads.</param>
/// <param name="KvHeads">KV heads.</param>
/// <param name="HeadDim">Channels.</param>
/// <param name="Rows">Observed rows: the last so many.</param>
/// <param name="SlidingWindow">0 for none.</param>
public sealed record LayerShape(int Tokens, int QueryHeads, int KvHeads, int HeadDim, int Rows, int SlidingWindow)
{
    /// <summary>True where the kernels run too: the simulated device starts a thread for each of its own, so few shapes stand for all.</summary>
    public bool Simulated { get; init; }

    public int Group => QueryHeads / KvHeads;

    public int Stride => (Tokens + 31) / 32 * 32;

    public int FirstRow => Tokens - Rows;

    /// <summary>Index of the layer, one of several.</summary>
    public const int Layer = 3;

    /// <summary>Layers of the model.</summary>
    public const int Layers = 5;
}

/// <summary>Random keys, values, queries and decode probabilities, with the log-sum-exp of the queries in double precision.</summary>
internal sealed class LayerFixture : IDisposable
{
    public LayerFixture(LayerShape shape, int seed)
    {
        Shape = shape;
        var random = new Random(seed);
        float Next(float scale) => (float)((random.NextDouble() * 2) - 1) * scale;
        Cache = new KvCache(new KvShape(1, shape.QueryHeads, shape.KvHeads, shape.HeadDim), shape.Tokens, hasState: true);
        Cache.Reserve(0, shape.Tokens);
        (Keys, Values) = (new float[shape.KvHeads, shape.Tokens][], new float[shape.KvHeads, shape.Tokens][]);
        for (int head = 0; head < shape.KvHeads; head++)
        {
            for (int key = 0; key < shape.Tokens; key++)
            {
                Keys[head, key] = [.. Enumerable.Range(0, shape.HeadDim).Select(_ => Next(2f))];
                Values[head, key] = [.. Enumerable.Range(0, shape.HeadDim).Select(_ => Next(1f))];
                Cache.Append(0, head, Keys[head, key], Values[head, key], key);
            }
        }

        Shots = [.. Enumerable.Range(0, shape.Tokens).Select(token => token % 11 == 0 ? -1 : token / 9)];
        Queries = [.. Enumerable.Range(0, shape.Rows * shape.QueryHeads * shape.HeadDim).Select(_ => Next(2f))];
        Probabilities = [.. Enumerable.Range(0, shape.QueryHeads * shape.Stride).Select(_ => (float)random.NextDouble())];
        LogSumExp = new float[shape.QueryHeads * shape.Rows];
        Attention = new double[shape.QueryHeads, shape.Rows, shape.Tokens];
        for (int head = 0; head < shape.QueryHeads; head++)
        {
            for (int row = 0; row < shape.Rows; row++) LogSumExp[(head * shape.Rows) + row] = (float)Softmax(head, row);
        }
    }

    public LayerShape Shape { get; }

    public KvCache Cache { get; }

    /// <summary>[kvHeads, tokens][headDim]</summary>
    public float[,][] Keys { get; }

    /// <summary>[kvHeads, tokens][headDim]</summary>
    public float[,][] Values { get; }

    /// <summary>Shot of each token, -1 outside.</summary>
    public int[] Shots { get; }

    /// <summary>[rows, queryHeads, headDim]</summary>
    public float[] Queries { get; }

    /// <summary>[queryHeads, rows]</summary>
    public float[] LogSumExp { get; }

    /// <summary>[queryHeads, stride]</summary>
    public float[] Probabilities { get; }

    /// <summary>What the softmax of a row gives each key: [queryHeads, rows, tokens].</summary>
    public double[,,] Attention { get; }

    public void Dispose() => Cache.Dispose();

    // Fills a row of the attention; returns the log of its sum.
    private double Softmax(int head, int row)
    {
        int position = Shape.FirstRow + row, first = Shape.SlidingWindow == 0 ? 0 : Math.Max(0, position - Shape.SlidingWindow + 1);
        double sum = 0;
        for (int key = first; key <= position; key++) sum += Attention[head, row, key] = Math.Exp(Logit(head, row, key));
        for (int key = first; key <= position; key++) Attention[head, row, key] /= sum;
        return Math.Log(sum);
    }

    private double Logit(int head, int row, int key)
    {
        double dot = 0;
        for (int c = 0; c < Shape.HeadDim; c++) dot += (double)Queries[(((row * Shape.QueryHeads) + head) * Shape.HeadDim) + c] * Keys[head / Shape.Group, key][c];
        return dot / Math.Sqrt(Shape.HeadDim);
    }
}
