using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace KvPolicy;

/// <summary>What an engine's attention leaves behind for a policy, computed from given queries over the tiles of a cache: log-sum-exp after a prefill, probabilities in a decode step.</summary>
internal sealed unsafe class TileAttention(TensorInput input, KvCache cache, WorkerPool workers)
{
    private const int RowBlock = 16;

    private readonly int _rowFloats = input.QueryHeads * input.HeadDim;
    private float[] _queries = [];        // pinned [rows, queryHeads, headDim]
    private float[] _logSumExp = [];      // pinned [queryHeads, rows]
    private float[] _probabilities = [];  // pinned [queryHeads, stride]

    /// <summary>Appends keys and values of the tokens from .. to - 1.</summary>
    public void Append(int layer, int from, int to)
    {
        cache.Reserve(layer, to - from);
        for (int head = 0; head < input.KvHeads; head++)
        {
            int start = (layer * input.KvHeads + head) * input.Length;
            for (int p = from; p < to; p++)
            {
                int at = (start + p) * input.HeadDim;
                cache.Append(layer, head, input.Keys.Span.Slice(at, input.HeadDim), input.Values.Span.Slice(at, input.HeadDim), p);
            }
        }
    }

    /// <summary>A layer after its prefill, with the rows from <paramref name="firstRow"/> on and their log-sum-exp.</summary>
    public LayerView Prefill(int layer, int firstRow, int prompt)
    {
        int rows = prompt - firstRow;
        LayerView view = cache.View(layer, prompt);
        if (rows == 0) return view;
        CopyQueries(layer, firstRow, rows);
        if (_logSumExp.Length < input.QueryHeads * rows) _logSumExp = GC.AllocateUninitializedArray<float>(input.QueryHeads * rows, pinned: true);
        view = view with
        {
            Queries = Pointer(_queries),
            LogSumExps = Pointer(_logSumExp),
            Rows = rows,
            FirstRowPosition = firstRow,
            QueryStride = _rowFloats,
        };
        var work = new LogSumExpWork(in view);
        workers.Run(input.QueryHeads * work.Blocks, ref work);
        return view;
    }

    /// <summary>A layer after the attention of the token at <paramref name="position"/>, which is in the cache.</summary>
    public LayerView Decode(int layer, int position, bool probabilities)
    {
        LayerView view = cache.View(layer, position + 1);
        if (!probabilities) return view;
        CopyQueries(layer, position, 1);
        int stride = (input.Length + LayerView.TileKeys - 1) / LayerView.TileKeys * LayerView.TileKeys;
        if (_probabilities.Length == 0) _probabilities = GC.AllocateArray<float>(input.QueryHeads * stride, pinned: true);
        view = view with
        {
            Queries = Pointer(_queries),
            Rows = 1,
            FirstRowPosition = position,
            QueryStride = _rowFloats,
            ProbabilityRows = Pointer(_probabilities),
            ProbabilityStride = stride,
        };
        var work = new ProbabilityWork(in view, _probabilities, stride);
        workers.Run(input.QueryHeads, ref work);
        return view;
    }

    private static float* Pointer(float[] pinned) => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);

    private void CopyQueries(int layer, int firstRow, int rows)
    {
        if (_queries.Length < rows * _rowFloats) _queries = GC.AllocateUninitializedArray<float>(rows * _rowFloats, pinned: true);
        for (int head = 0; head < input.QueryHeads; head++)
        {
            int start = ((layer * input.QueryHeads + head) * input.Length + firstRow) * input.HeadDim;
            for (int row = 0; row < rows; row++)
                input.Queries.Span.Slice(start + row * input.HeadDim, input.HeadDim).CopyTo(_queries.AsSpan(row * _rowFloats + head * input.HeadDim));
        }
    }

    /// <summary>Adds exp(logit - max) over some lanes to a running sum, which is brought to the new maximum first.</summary>
    private static void Accumulate(ReadOnlySpan<float> logits, ref float max, ref double sum)
    {
        float largest = Lanes.Max(logits);
        if (largest > max)
        {
            sum *= Math.Exp(max - (double)largest);
            max = largest;
        }

        sum += Lanes.SumOfExp(logits, max);
    }

    private readonly struct LogSumExpWork(in LayerView layer) : IWork
    {
        private readonly LayerView _layer = layer;

        public int Blocks => (_layer.Rows + RowBlock - 1) / RowBlock;

        public void Run(int item, int worker)
        {
            int head = item / Blocks, first = item % Blocks * RowBlock, rows = Math.Min(RowBlock, _layer.Rows - first), kvHead = head / _layer.GroupSize;
            Span<float> logits = stackalloc float[RowBlock * LayerView.TileKeys], max = stackalloc float[RowBlock];
            Span<double> sum = stackalloc double[RowBlock];
            max.Fill(float.NegativeInfinity);
            sum.Clear();
            int newest = _layer.FirstRowPosition + first + rows - 1;
            for (int tile = 0; tile < _layer.Tiles(kvHead) && _layer.Positions(kvHead, tile)[0] <= newest; tile++)
            {
                KeyTile.Dots(_layer.Query(head, first), _layer.QueryStride, rows, _layer.Keys(kvHead, tile), _layer.Scale, logits);
                int held = Math.Min(LayerView.TileKeys, _layer.Held(kvHead) - tile * LayerView.TileKeys);
                for (int row = 0; row < rows; row++)
                {
                    KeyTile.Visible(_layer.Positions(kvHead, tile), held, _layer.FirstRowPosition + first + row, _layer.SlidingWindow, out int from, out int to);
                    if (from < to) Accumulate(logits.Slice(row * LayerView.TileKeys + from, to - from), ref max[row], ref sum[row]);
                }
            }

            Span<float> result = new(_layer.LogSumExps + (long)head * _layer.Rows + first, rows);
            for (int row = 0; row < rows; row++) result[row] = (float)(max[row] + Math.Log(sum[row]));
        }
    }

    private readonly struct ProbabilityWork(in LayerView layer, float[] probabilities, int stride) : IWork
    {
        private readonly LayerView _layer = layer;

        public void Run(int item, int worker)
        {
            int kvHead = item / _layer.GroupSize, held = _layer.Held(kvHead);
            Span<float> row = probabilities.AsSpan(item * stride, stride);
            for (int tile = 0; tile < _layer.Tiles(kvHead); tile++)
                KeyTile.Dots(_layer.Query(item, 0), _layer.QueryStride, 1, _layer.Keys(kvHead, tile), _layer.Scale, row.Slice(tile * LayerView.TileKeys, LayerView.TileKeys));
            float max = float.NegativeInfinity;
            double sum = 0;
            Accumulate(row[..held], ref max, ref sum);
            float lse = (float)(max + Math.Log(sum));
            for (int slot = 0; slot < row.Length; slot++) row[slot] = slot < held ? MathF.Exp(row[slot] - lse) : 0f;
        }
    }

    /// <summary>Reductions over a part of a row.</summary>
    private static class Lanes
    {
        public static float Max(ReadOnlySpan<float> values)
        {
            float max = float.NegativeInfinity;
            int i = 0;
            if (values.Length >= Vector256<float>.Count)
            {
                Vector256<float> largest = Vector256.Create(values);
                for (i = Vector256<float>.Count; i + Vector256<float>.Count <= values.Length; i += Vector256<float>.Count)
                    largest = Vector256.Max(largest, Vector256.Create(values[i..]));
                for (int lane = 0; lane < Vector256<float>.Count; lane++) max = MathF.Max(max, largest[lane]);
            }

            for (; i < values.Length; i++) max = MathF.Max(max, values[i]);
            return max;
        }

        public static float SumOfExp(ReadOnlySpan<float> values, float max)
        {
            Vector256<float> sums = default;
            int i = 0;
            for (; i + Vector256<float>.Count <= values.Length; i += Vector256<float>.Count)
                sums += Vector256.Exp(Vector256.Create(values[i..]) - Vector256.Create(max));
            float sum = Vector256.Sum(sums);
            for (; i < values.Length; i++) sum += MathF.Exp(values[i] - max);
            return sum;
        }
    }
}
