using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Engine;

/// <summary>One decoder layer's weights in the form that a device multiplies with.</summary>
internal sealed class TransformerLayer : IDisposable
{
    /// <summary>Prepares a layer.</summary>
    internal TransformerLayer(IEngineOps ops, LayerWeights weights)
    {
        AttentionNorm = ops.PrepareVector(weights.AttentionNorm);
        QueryKeyValue = ops.Prepare([weights.Query, weights.Key, weights.Value], [weights.QueryBias, weights.KeyBias, weights.ValueBias]);
        AttentionOutput = ops.Prepare([weights.AttentionOutput], []);
        QueryNorm = weights.QueryNorm is null ? null : ops.PrepareVector(weights.QueryNorm);
        KeyNorm = weights.KeyNorm is null ? null : ops.PrepareVector(weights.KeyNorm);
        FeedForwardNorm = ops.PrepareVector(weights.FeedForwardNorm);
        GateUp = ops.Prepare([weights.Gate, weights.Up], []);
        Down = ops.Prepare([weights.Down], []);
    }

    /// <summary>[1, hidden]</summary>
    internal DeviceMatrix AttentionNorm { get; }

    /// <summary>[(queryHeads + 2 kvHeads) * headDim, hidden]</summary>
    internal Linear QueryKeyValue { get; }

    /// <summary>[hidden, queryHeads * headDim]</summary>
    internal Linear AttentionOutput { get; }

    /// <summary>[1, headDim]; Qwen3.</summary>
    internal DeviceMatrix? QueryNorm { get; }

    /// <summary>[1, headDim]; Qwen3.</summary>
    internal DeviceMatrix? KeyNorm { get; }

    /// <summary>[1, hidden]</summary>
    internal DeviceMatrix FeedForwardNorm { get; }

    /// <summary>[2 * feedForward, hidden]</summary>
    internal Linear GateUp { get; }

    /// <summary>[hidden, feedForward]</summary>
    internal Linear Down { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        AttentionNorm.Dispose();
        QueryKeyValue.Dispose();
        AttentionOutput.Dispose();
        QueryNorm?.Dispose();
        KeyNorm?.Dispose();
        FeedForwardNorm.Dispose();
        GateUp.Dispose();
        Down.Dispose();
    }
}

/// <summary>A decoder on a device. Written once over <see cref="IEngineOps"/>; owns the prepared weights, neither the model nor the ops.</summary>
internal sealed class Transformer : IDisposable
{
    private readonly IEngineOps _ops;
    private readonly TransformerLayer[] _layers;
    private readonly Embedding _embedding;
    private readonly DeviceMatrix _outputNorm;
    private readonly Linear _classifier;
    private DeviceMatrix? _rope;

    /// <summary>Prepares a model's weights for a device.</summary>
    internal Transformer(Model model, IEngineOps ops)
    {
        (Config, _ops) = (model.Config, ops);
        Heads = new HeadShape(Config.QueryHeads, Config.KvHeads, Config.HeadDim);
        _embedding = ops.PrepareEmbedding(model.Weights.Embedding);
        _layers = [.. model.Weights.Layers.Select(weights => new TransformerLayer(ops, weights))];
        _outputNorm = ops.PrepareVector(model.Weights.OutputNorm);
        _classifier = ops.Prepare([model.Weights.Classifier], []);
    }

    /// <summary>Numbers of the model.</summary>
    internal ModelConfig Config { get; }

    /// <summary>Sizes of a row of q, k and v.</summary>
    internal HeadShape Heads { get; }

    /// <summary>The device.</summary>
    internal IEngineOps Ops => _ops;

    /// <summary>Makes the RoPE table long enough.</summary>
    /// <param name="positions">Tokens of the longest sequence to come.</param>
    internal void ReservePositions(int positions)
    {
        if (_rope is not null && _rope.Rows >= positions) return;
        _rope?.Dispose();
        _rope = _ops.CreateMatrix(new RopeTable(Config, positions));
    }

    /// <summary>x[r] = embedding of ids[r].</summary>
    internal void Embed(ReadOnlySpan<int> ids, MatrixRows x) => _ops.Embed(_embedding, ids, x);

    /// <summary>One layer over rows of a prompt, or over one new token: x becomes the next layer's input, the rows' keys and values are in the store.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="x">[rows, hidden]</param>
    /// <param name="firstPosition">Position of row 0.</param>
    /// <param name="phase">Prefill or decode.</param>
    /// <param name="work">At least as many rows.</param>
    /// <param name="store">The sequence.</param>
    internal void Layer(int layer, MatrixRows x, int firstPosition, Phase phase, RowWorkspace work, SequenceStore store)
    {
        TransformerLayer weights = _layers[layer];
        MatrixRows normed = work.Normed.Slice(0, x.Count), qkv = work.QueryKeyValue.Slice(0, x.Count), attended = work.Attended.Slice(0, x.Count);
        _ops.RmsNorm(x, weights.AttentionNorm, Config.RmsEpsilon, normed);
        _ops.Multiply(weights.QueryKeyValue, normed, qkv, add: false, phase);
        if (weights.QueryNorm is not null && weights.KeyNorm is not null) _ops.HeadNorm(qkv, Heads, weights.QueryNorm, weights.KeyNorm, Config.RmsEpsilon);
        _ops.Rope(qkv, Heads, _rope!, Config.RopePairing, firstPosition);
        store.Append(layer, qkv, firstPosition);
        if (phase == Phase.Prefill) store.PrefillAttention(layer, qkv, firstPosition, attended);
        else store.DecodeAttention(layer, qkv, firstPosition, attended);
        _ops.Multiply(weights.AttentionOutput, attended, x, add: true, phase);

        MatrixRows gateUp = work.GateUp.Slice(0, x.Count), activated = work.Activated.Slice(0, x.Count);
        _ops.RmsNorm(x, weights.FeedForwardNorm, Config.RmsEpsilon, normed);
        _ops.Multiply(weights.GateUp, normed, gateUp, add: false, phase);
        _ops.SwiGlu(gateUp, activated);
        _ops.Multiply(weights.Down, activated, x, add: true, phase);
    }

    /// <summary>Logits of rows after the last layer.</summary>
    /// <param name="x">[rows, hidden]</param>
    /// <param name="normed">[rows, hidden], overwritten.</param>
    /// <param name="logits">[rows, vocabulary]</param>
    /// <param name="phase">Prefill for many rows.</param>
    internal void Classify(MatrixRows x, MatrixRows normed, MatrixRows logits, Phase phase)
    {
        _ops.RmsNorm(x, _outputNorm, Config.RmsEpsilon, normed);
        _ops.Multiply(_classifier, normed, logits, add: false, phase);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _rope?.Dispose();
        _classifier.Dispose();
        _outputNorm.Dispose();
        foreach (TransformerLayer layer in _layers) layer.Dispose();
        _embedding.Dispose();
    }
}

/// <summary>What a layer computes between its input and its output, for so many rows.</summary>
internal sealed class RowWorkspace : IDisposable
{
    /// <summary>Room for rows.</summary>
    internal RowWorkspace(Transformer transformer, int rows)
    {
        (ModelConfig config, HeadShape heads, IEngineOps ops) = (transformer.Config, transformer.Heads, transformer.Ops);
        Rows = rows;
        Normed = ops.CreateMatrix(rows, config.HiddenSize);
        QueryKeyValue = ops.CreateMatrix(rows, heads.RowSize);
        Attended = ops.CreateMatrix(rows, heads.QuerySize);
        GateUp = ops.CreateMatrix(rows, 2 * config.FeedForwardSize);
        Activated = ops.CreateMatrix(rows, config.FeedForwardSize);
    }

    /// <summary>Rows.</summary>
    internal int Rows { get; }

    /// <summary>[rows, hidden]</summary>
    internal DeviceMatrix Normed { get; }

    /// <summary>[rows, (queryHeads + 2 kvHeads) * headDim]</summary>
    internal DeviceMatrix QueryKeyValue { get; }

    /// <summary>[rows, queryHeads * headDim]</summary>
    internal DeviceMatrix Attended { get; }

    /// <summary>[rows, 2 * feedForward]</summary>
    internal DeviceMatrix GateUp { get; }

    /// <summary>[rows, feedForward]</summary>
    internal DeviceMatrix Activated { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Normed.Dispose();
        QueryKeyValue.Dispose();
        Attended.Dispose();
        GateUp.Dispose();
        Activated.Dispose();
    }
}
