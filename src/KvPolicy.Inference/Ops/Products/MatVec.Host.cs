namespace KvPolicy.Inference.Ops.Products;

/// <summary>y = W x for one row: weights go from the mapped file through registers, once. Items are runs of outputs.</summary>
internal readonly unsafe struct MatVecWork : IWork
{
    /// <summary>Most outputs of an item: their results wait on the stack.</summary>
    private const int MostRows = 256;

    /// <summary>Work below this many bytes of weights is shorter than its hand-over.</summary>
    private const int LeastBytes = 16 << 10;

    private readonly HostLinear _weights;
    private readonly float* _prepared;
    private readonly float* _y;
    private readonly bool _add;
    private readonly int _rowsPerItem;

    private MatVecWork(HostLinear weights, float* prepared, float* y, bool add, int rowsPerItem)
    {
        _weights = weights;
        _prepared = prepared;
        _y = y;
        _add = add;
        _rowsPerItem = rowsPerItem;
    }

    /// <summary>Multiplies.</summary>
    /// <param name="weights">[outputs, inputs]</param>
    /// <param name="x">[inputs]</param>
    /// <param name="y">[outputs]</param>
    /// <param name="add">Add to what y holds.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="scratch">For the prepared input.</param>
    public static void Multiply(HostLinear weights, float* x, float* y, bool add, WorkerPool workers, WorkerScratch scratch)
    {
        // Prepared inputs lie one behind the other, one for each kind of storage among the parts.
        float* prepared = scratch.Of(0, PreparedFloats(weights));
        PrepareAll(weights, x, prepared);
        int perThread = weights.Outputs / (workers.Threads * 6);
        int least = (int)((long)LeastBytes * weights.Outputs / weights.WeightBytes);
        int rowsPerItem = (Math.Clamp(perThread, Math.Min(least, MostRows), MostRows) + 7) / 8 * 8;
        var work = new MatVecWork(weights, prepared, y, add, Math.Max(rowsPerItem, 8));
        int items = 0;
        foreach (HostLinearPart part in weights.Parts) items += work.ItemsOf(part);
        workers.Run(items, ref work);
    }

    /// <inheritdoc/>
    public void Run(int item, int worker)
    {
        float* prepared = _prepared;
        object tag = _weights.Parts[0].Rows.PreparedTag;
        foreach (HostLinearPart part in _weights.Parts)
        {
            if (part.Rows.PreparedTag != tag)
            {
                prepared = PreparedOf(part);
                tag = part.Rows.PreparedTag;
            }

            int items = ItemsOf(part);
            if (item < items)
            {
                Outputs(part, item * _rowsPerItem, Math.Min(_rowsPerItem, part.Outputs - item * _rowsPerItem), prepared);
                return;
            }

            item -= items;
        }
    }

    private int ItemsOf(HostLinearPart part) => (part.Outputs + _rowsPerItem - 1) / _rowsPerItem;

    private void Outputs(HostLinearPart part, int first, int count, float* prepared)
    {
        float* sums = stackalloc float[MostRows + 8];
        part.Rows.Dot(first, count, prepared, sums);
        float* y = _y + part.FirstOutput + first;
        float* bias = part.Bias is null ? null : part.Bias.Data + first;
        for (int i = 0; i < count; i++)
        {
            float value = bias is null ? sums[i] : sums[i] + bias[i];
            y[i] = _add ? y[i] + value : value;
        }
    }

    private static int PreparedFloats(HostLinear weights)
    {
        int floats = 0;
        foreach (HostLinearPart part in weights.Parts) floats += part.Rows.PreparedFloats;
        return floats;
    }

    private static void PrepareAll(HostLinear weights, float* x, float* prepared)
    {
        for (int i = 0; i < weights.Parts.Length; i++)
        {
            if (FirstOfTag(weights, weights.Parts[i].Rows.PreparedTag) == i) weights.Parts[i].Rows.Prepare(x, prepared);
            prepared += weights.Parts[i].Rows.PreparedFloats;
        }
    }

    private float* PreparedOf(HostLinearPart part)
    {
        float* prepared = _prepared;
        int first = FirstOfTag(_weights, part.Rows.PreparedTag);
        for (int i = 0; i < first; i++) prepared += _weights.Parts[i].Rows.PreparedFloats;
        return prepared;
    }

    private static int FirstOfTag(HostLinear weights, object tag)
    {
        int i = 0;
        while (weights.Parts[i].Rows.PreparedTag != tag) i++;
        return i;
    }
}
