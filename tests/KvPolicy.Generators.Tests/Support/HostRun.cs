namespace KvPolicy.Generators.Tests.Support;

/// <summary>Runs a policy's host passes over every tile of a fixture.</summary>
internal static unsafe class HostRun
{
    /// <summary>Scores [heads, stride] after the prefill and after one decode step.</summary>
    public static (float[] Prefill, float[] Decode) Run(IKvPolicy policy, LayerFixture fixture)
    {
        LayerShape shape = fixture.Shape;
        fixed (float* queries = fixture.Queries, lse = fixture.LogSumExp, probabilities = fixture.Probabilities)
        fixed (int* shots = fixture.Shots)
        {
            LayerView view = fixture.Cache.View(0, shape.Tokens) with
            {
                Layer = LayerShape.Layer,
                Layers = LayerShape.Layers,
                ShotOf = shots,
                ShotsOf = shape.Tokens,
                Queries = queries,
                LogSumExps = lse,
                ProbabilityRows = probabilities,
                ProbabilityStride = shape.Stride,
                Rows = shape.Rows,
                FirstRowPosition = shape.FirstRow,
                SlidingWindow = shape.SlidingWindow,
                QueryStride = shape.QueryHeads * shape.HeadDim,
            };
            var runner = new Runner(view, policy.Plan.Share == Scope.Head ? shape.KvHeads : 1, shape.Stride);
            policy.Bind(ref runner);
            return (runner.Prefill, runner.Decode);
        }
    }

    private ref struct Runner(LayerView view, int heads, int stride) : IPassBinder
    {
        private readonly LayerView _view = view;

        public float[] Prefill { get; } = new float[heads * stride];

        public float[] Decode { get; } = new float[heads * stride];

        public readonly void Use<TPrefill, TDecode>(TPrefill prefill, TDecode decode)
            where TPrefill : struct, IPrefillPasses
            where TDecode : struct, IDecodePasses
        {
            for (int head = 0; head < heads; head++)
            {
                for (int tile = 0; tile < stride / 32; tile++) prefill.Score(_view, head, tile, Prefill.AsSpan((head * stride) + (tile * 32), 32));
            }

            for (int head = 0; head < heads; head++)
            {
                for (int tile = 0; tile < stride / 32; tile++) decode.Score(_view, head, tile, Decode.AsSpan((head * stride) + (tile * 32), 32));
            }
        }
    }
}
