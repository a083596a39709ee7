using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Gpu;

namespace KvPolicy.Inference.Ops.Products;

/// <summary>
/// Arguments of the products. Weights lie in blocks of 8 outputs, [outputs / 8, Inputs, 8], so that neighbouring threads read neighbouring
/// bytes both where one row meets many weights and where a tile of weights goes to shared memory.
/// </summary>
internal struct ProductArguments
{
    /// <summary>[blocks, Inputs, 2] of four outputs; what the last block lacks is 0.</summary>
    public ArrayView<Float4> Weights;

    /// <summary>[Outputs]; one element where there is none.</summary>
    public ArrayView<float> Bias;

    /// <summary>[Rows, Inputs]</summary>
    public ArrayView<float> X;

    /// <summary>[Rows, Outputs]</summary>
    public ArrayView<float> Y;

    /// <summary>Rows.</summary>
    public int Rows;

    /// <summary>Floats of a row of X.</summary>
    public int Inputs;

    /// <summary>Floats of a row of Y.</summary>
    public int Outputs;

    /// <summary>1 where Y is added to.</summary>
    public int Add;

    /// <summary>1 where there is a bias.</summary>
    public int HasBias;

    /// <summary>Writes one number of the product.</summary>
    public readonly void Write(int row, int output, float product)
    {
        if (row >= Rows || output >= Outputs) return;
        long at = (long)row * Outputs + output;
        float value = HasBias != 0 ? product + Bias[output] : product;
        Y[at] = Add != 0 ? Y[at] + value : value;
    }
}

/// <summary>y = W x for one row and for many.</summary>
internal static class ProductsGpu
{
    /// <summary>Outputs of a block of weights.</summary>
    public const int Block = 8;

    /// <summary>Rows of a tile of <see cref="Tiled"/>.</summary>
    public const int TileRows = 32;

    /// <summary>Outputs of a tile of <see cref="Tiled"/>.</summary>
    public const int TileOutputs = 64;

    /// <summary>Threads of a group of <see cref="MatVec"/>: small, since a block of outputs is a short walk and many groups share a processor.</summary>
    private const int VectorGroup = 64;

    private const int GroupSize = 128;
    private const int TileInputs = 16;

    /// <summary>Fours from an input to the next in the tile of rows: a few more than the rows need, so that its columns spread over the banks.</summary>
    private const int RowFours = TileRows / 4 + 1;

    /// <summary>One row: 16 bytes a thread and step, four partial sums a thread, added up in a fixed order.</summary>
    [Kernel(VectorGroup, "one group a block of 8 outputs, its threads walk the block's weights side by side; grid (outputs / 8, 1)")]
    public static void MatVec(ProductArguments a)
    {
        const int Parts = 4, Run = VectorGroup / 2 / Parts;
        ArrayView<Float4> partial = SharedMemory.Allocate<Float4>(VectorGroup);
        ArrayView<float> runs = SharedMemory.Allocate<float>(Block * Parts);
        ArrayView<Float4> weights = a.Weights.AsAligned(16);
        long block = (long)Grid.IdxX * a.Inputs * 2;
        var sum = new Float4(0f, 0f, 0f, 0f);
        // An even number of threads: each stays with the lower or the upper four outputs.
        for (int i = Group.IdxX; i < 2 * a.Inputs; i += VectorGroup) sum = sum.Add(a.X[i / 2], weights[block + i]);
        partial[Group.IdxX] = sum;
        Group.Barrier();
        ArrayView<float> sums = partial.Cast<float>();
        int output = Group.IdxX % Block, part = Group.IdxX / Block;
        if (part < Parts)
        {
            // Every other thread holds this output's four.
            float run = 0f;
            for (int i = 0; i < Run; i++) run += sums[((part * Run + i) * 2 + output / 4) * 4 + output % 4];
            runs[Group.IdxX] = run;
        }

        Group.Barrier();
        if (part != 0) return;
        a.Write(0, Grid.IdxX * Block + output, (runs[output] + runs[Block + output]) + (runs[2 * Block + output] + runs[3 * Block + output]));
    }

    /// <summary>Many rows: a 32 x 64 tile of Y, 4 x 4 of it a thread in registers, 16 inputs at a time through shared memory. A row's sums run over the inputs in order, whatever rows are beside it.</summary>
    [Kernel(GroupSize, "one group a tile of 32 rows x 64 outputs, 4 x 4 a thread; grid (outputs / 64, rows / 32)")]
    public static void Tiled(ProductArguments a)
    {
        ArrayView<Float4> x4 = SharedMemory.Allocate<Float4>(TileInputs * RowFours);            // [inputs, 32 rows and 4 unused]
        ArrayView<Float4> w4 = SharedMemory.Allocate<Float4>(TileInputs * TileOutputs / 4);     // [inputs, 64 outputs]
        ArrayView<float> x = x4.Cast<float>();
        int row = Grid.IdxY * TileRows, output = Grid.IdxX * TileOutputs;
        int mineX = Group.IdxX % (TileOutputs / 4), mineY = Group.IdxX / (TileOutputs / 4);
        var (r0, r1, r2, r3) = (new Float4(0f, 0f, 0f, 0f), new Float4(0f, 0f, 0f, 0f), new Float4(0f, 0f, 0f, 0f), new Float4(0f, 0f, 0f, 0f));
        for (int first = 0; first < a.Inputs; first += TileInputs)
        {
            LoadRows(a, row, first, x);
            LoadWeights(a, output / Block, first, w4);
            Group.Barrier();
            for (int i = 0; i < TileInputs; i++)
            {
                Float4 xs = x4[i * RowFours + mineY], ws = w4[i * (TileOutputs / 4) + mineX];
                r0 = r0.Add(xs.X, ws);
                r1 = r1.Add(xs.Y, ws);
                r2 = r2.Add(xs.Z, ws);
                r3 = r3.Add(xs.W, ws);
            }

            Group.Barrier();
        }

        WriteFour(a, row + 4 * mineY, output + 4 * mineX, r0);
        WriteFour(a, row + 4 * mineY + 1, output + 4 * mineX, r1);
        WriteFour(a, row + 4 * mineY + 2, output + 4 * mineX, r2);
        WriteFour(a, row + 4 * mineY + 3, output + 4 * mineX, r3);
    }

    // 16 neighbouring threads read 16 neighbouring inputs of a row; turned, so that four rows lie side by side.
    private static void LoadRows(ProductArguments a, int row, int first, ArrayView<float> x)
    {
        int i = Group.IdxX % TileInputs;
        for (int r = Group.IdxX / TileInputs; r < TileRows; r += GroupSize / TileInputs)
        {
            bool inside = row + r < a.Rows && first + i < a.Inputs;
            x[i * RowFours * 4 + r] = inside ? a.X[(long)(row + r) * a.Inputs + first + i] : 0f;
        }
    }

    // Eight blocks of 16 inputs x 2: two 16-byte loads a thread.
    private static void LoadWeights(ProductArguments a, int block, int first, ArrayView<Float4> w)
    {
        int blocks = (a.Outputs + Block - 1) / Block;
        for (int half = 0; half < 2; half++)
        {
            int at = Group.IdxX + half * GroupSize, b = at / (2 * TileInputs), i = at / 2 % TileInputs;
            bool inside = block + b < blocks && first + i < a.Inputs;
            Float4 weight = new(0f, 0f, 0f, 0f);
            if (inside) weight = a.Weights.AsAligned(16)[((long)(block + b) * a.Inputs + first + i) * 2 + at % 2];
            w[i * (TileOutputs / 4) + b * 2 + at % 2] = weight;
        }
    }

    private static void WriteFour(ProductArguments a, int row, int output, Float4 product)
    {
        a.Write(row, output, product.X);
        a.Write(row, output + 1, product.Y);
        a.Write(row, output + 2, product.Z);
        a.Write(row, output + 3, product.W);
    }
}

/// <summary>Arguments of <see cref="EmbeddingGpu.Embed"/>.</summary>
internal struct EmbedArguments
{
    /// <summary>As <see cref="ProductArguments.Weights"/>: a tied classifier shares them.</summary>
    public ArrayView<float> Table;

    /// <summary>[rows]</summary>
    public ArrayView<int> Ids;

    /// <summary>[rows, Columns]</summary>
    public ArrayView<float> X;

    /// <summary>Floats of a row.</summary>
    public int Columns;
}

/// <summary>Rows of the embedding.</summary>
internal static class EmbeddingGpu
{
    /// <summary>x[r] = row ids[r] of the table.</summary>
    [Kernel(128, "one thread a float; grid (columns / 128, rows)")]
    public static void Embed(EmbedArguments a)
    {
        int c = Grid.IdxX * Group.DimX + Group.IdxX, id = a.Ids[Grid.IdxY];
        if (c >= a.Columns) return;
        a.X[(long)Grid.IdxY * a.Columns + c] = a.Table[((long)(id / ProductsGpu.Block) * a.Columns + c) * ProductsGpu.Block + id % ProductsGpu.Block];
    }
}
