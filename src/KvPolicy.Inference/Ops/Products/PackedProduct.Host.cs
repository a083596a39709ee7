using KvPolicy.Inference.Ops.Weights;

namespace KvPolicy.Inference.Ops.Products;

/// <summary>
/// Y = X W^T for the rows of a prompt. An item takes a few panels of 32 outputs: their weights become f32 in a buffer that fits the
/// second-level cache, then every block of rows meets all of them. The bits of a row depend on that row alone.
/// </summary>
internal readonly unsafe struct PackedProductWork : IWork
{
    private const int Width = WeightRows.PanelWidth;

    /// <summary>Rows that meet all panels of an item before the next rows come: their inputs stay in the first-level cache.</summary>
    private const int RowBlock = 8;

    /// <summary>Floats of an item's panels: half of a common second-level cache.</summary>
    private const int PanelFloats = 128 << 10;

    private readonly HostLinear _weights;
    private readonly float* _x;
    private readonly float* _y;
    private readonly int _rows;
    private readonly int _panels;
    private readonly bool _add;
    private readonly WorkerScratch _scratch;

    private PackedProductWork(HostLinear weights, float* x, float* y, int rows, int panels, bool add, WorkerScratch scratch)
    {
        _weights = weights;
        _x = x;
        _y = y;
        _rows = rows;
        _panels = panels;
        _add = add;
        _scratch = scratch;
    }

    /// <summary>Multiplies.</summary>
    /// <param name="weights">[outputs, inputs]</param>
    /// <param name="x">[rows, inputs]</param>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="rows">Rows.</param>
    /// <param name="add">Add to what y holds.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="scratch">For the panels.</param>
    public static void Multiply(HostLinear weights, float* x, float* y, int rows, bool add, WorkerPool workers, WorkerScratch scratch)
    {
        int all = (weights.Outputs + Width - 1) / Width;
        int panels = Math.Clamp(PanelFloats / (weights.Inputs * Width), 1, Math.Max(1, all / (workers.Threads * 4)));
        var work = new PackedProductWork(weights, x, y, rows, panels, add, scratch);
        int items = 0;
        foreach (HostLinearPart part in weights.Parts) items += work.ItemsOf(part);
        workers.Run(items, ref work);
    }

    /// <inheritdoc/>
    public void Run(int item, int worker)
    {
        foreach (HostLinearPart part in _weights.Parts)
        {
            int items = ItemsOf(part);
            if (item < items)
            {
                int first = item * _panels * Width;
                Panels(part, first, Math.Min(_panels * Width, part.Outputs - first), worker);
                return;
            }

            item -= items;
        }
    }

    private int ItemsOf(HostLinearPart part) => (part.Outputs + _panels * Width - 1) / (_panels * Width);

    private void Panels(HostLinearPart part, int first, int count, int worker)
    {
        int inputs = _weights.Inputs, stride = _weights.Outputs;
        long panelFloats = (long)inputs * Width;
        float* panels = _scratch.Of(worker, _panels * panelFloats);
        for (int o = 0; o < count; o += Width) part.Rows.Pack(first + o, Math.Min(Width, count - o), panels + o / Width * panelFloats);
        for (int row = 0; row < _rows; row += RowBlock)
        {
            int rows = Math.Min(RowBlock, _rows - row);
            float* x = _x + (long)row * inputs;
            float* y = _y + (long)row * stride + part.FirstOutput + first;
            for (int o = 0; o < count; o += Width)
            {
                float* panel = panels + o / Width * panelFloats;
                if (count - o >= Width) MicroKernel.Multiply(x, inputs, rows, panel, Width, inputs, y + o, stride, _add);
                else Edge(x, rows, panel, y + o, count - o);
            }

            if (part.Bias is not null) AddBias(y, rows, part.Bias.Data + first, count);
        }
    }

    // The last outputs of a matrix: a whole panel is computed aside, and what exists of it is copied.
    private void Edge(float* x, int rows, float* panel, float* y, int count)
    {
        float* tile = stackalloc float[RowBlock * Width];
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < Width; j++) tile[r * Width + j] = _add && j < count ? y[(long)r * _weights.Outputs + j] : 0f;
        }

        MicroKernel.Multiply(x, _weights.Inputs, rows, panel, Width, _weights.Inputs, tile, Width, add: true);
        for (int r = 0; r < rows; r++) new ReadOnlySpan<float>(tile + r * Width, count).CopyTo(new Span<float>(y + (long)r * _weights.Outputs, count));
    }

    private void AddBias(float* y, int rows, float* bias, int count)
    {
        for (int r = 0; r < rows; r++, y += _weights.Outputs)
        {
            for (int i = 0; i < count; i++) y[i] += bias[i];
        }
    }
}
