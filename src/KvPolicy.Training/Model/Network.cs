using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace KvPolicy.Training.Model;

/// <summary>The model's forward pass. Intermediate tensors belong to the caller's dispose scope.</summary>
internal sealed class Network : IDisposable
{
    private const int Half = TinyModel.HeadSize / 2;

    private readonly Weights _weights;
    private readonly Tensor _cos; // [positions, head size / 2]
    private readonly Tensor _sin;

    internal Network(Weights weights)
    {
        _weights = weights;
        _cos = Angles(Math.Cos);
        _sin = Angles(Math.Sin);
    }

    /// <summary>Hidden states after the last norm, [batch, tokens, hidden].</summary>
    /// <param name="ids">Rows of the embedding, [batch, tokens].</param>
    /// <param name="cache">Keys and values of the tokens before these, extended by these; null for none.</param>
    internal Tensor Forward(Tensor ids, KeyValueCache? cache = null)
    {
        Tensor x = Embedded(ids);
        int start = cache?.Length ?? 0;
        for (int layer = 0; layer < TinyModel.Layers; layer++)
        {
            x = x + Attention(layer, Normed(x, _weights.InLayer(layer, "input_layernorm")), start, cache);
            x = x + FeedForward(layer, Normed(x, _weights.InLayer(layer, "post_attention_layernorm")));
        }

        cache?.Advance((int)ids.shape[1]);
        return Normed(x, _weights[ParameterSpec.FinalNormName]);
    }

    /// <summary>Logits over the vocabulary of hidden states, [rows, vocabulary].</summary>
    internal Tensor Logits(Tensor hidden) => F.linear(hidden, _weights[ParameterSpec.HeadName]);

    /// <summary>Attention weights of layer 0, [query head, token, token], for one row of ids: what the wiring is judged by.</summary>
    internal Tensor FirstAttention(Tensor ids)
    {
        Tensor x = Normed(Embedded(ids.unsqueeze(0)), _weights.InLayer(0, "input_layernorm"));
        (Tensor q, Tensor k) = (Rotated(Heads(x, 0, "q_proj"), 0), Grouped(Rotated(Heads(x, 0, "k_proj"), 0)));
        Tensor scores = matmul(q, k.transpose(-1, -2)) / Math.Sqrt(TinyModel.HeadSize);
        Tensor seen = ones(ids.shape[0], ids.shape[0], ScalarType.Bool).tril();
        return scores.masked_fill(seen.logical_not(), float.NegativeInfinity).softmax(-1).squeeze(0);
    }

    public void Dispose()
    {
        _cos.Dispose();
        _sin.Dispose();
    }

    private Tensor Embedded(Tensor ids) =>
        _weights[ParameterSpec.EmbeddingName].index_select(0, ids.flatten()).view(ids.shape[0], ids.shape[1], TinyModel.Hidden);

    private Tensor Attention(int layer, Tensor x, int start, KeyValueCache? cache)
    {
        Tensor q = Rotated(Heads(x, layer, "q_proj"), start);
        Tensor k = Rotated(Heads(x, layer, "k_proj"), start);
        Tensor v = Heads(x, layer, "v_proj");
        if (cache != null) (k, v) = cache.Append(layer, k, v);

        // A first pass sees the past alone by the causal mask; a single later token sees all that is cached.
        Tensor y = F.scaled_dot_product_attention(q, Grouped(k), Grouped(v), is_casual: x.shape[1] > 1);
        return F.linear(y.transpose(1, 2).reshape(x.shape[0], x.shape[1], TinyModel.Hidden), _weights.InLayer(layer, "self_attn.o_proj"));
    }

    private Tensor FeedForward(int layer, Tensor x)
    {
        Tensor gate = F.silu(F.linear(x, _weights.InLayer(layer, "mlp.gate_proj")));
        return F.linear(gate * F.linear(x, _weights.InLayer(layer, "mlp.up_proj")), _weights.InLayer(layer, "mlp.down_proj"));
    }

    /// <summary>[batch, heads, tokens, head size].</summary>
    private Tensor Heads(Tensor x, int layer, string projection) =>
        F.linear(x, _weights.InLayer(layer, "self_attn." + projection)).view(x.shape[0], x.shape[1], -1, TinyModel.HeadSize).transpose(1, 2);

    /// <summary>Turns the pair (i, i + half) of a token at position p by p * frequency i.</summary>
    private Tensor Rotated(Tensor x, int start)
    {
        long tokens = x.shape[2];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + tokens, TinyModel.Positions, nameof(start));
        Tensor cos = _cos.narrow(0, start, tokens);
        Tensor sin = _sin.narrow(0, start, tokens);
        Tensor a = x.narrow(-1, 0, Half);
        Tensor b = x.narrow(-1, Half, Half);
        return cat([(a * cos) - (b * sin), (b * cos) + (a * sin)], -1);
    }

    /// <summary>Each KV head once for every query head of its group.</summary>
    private static Tensor Grouped(Tensor x)
    {
        const int Group = TinyModel.QueryHeads / TinyModel.KvHeads;
        (long batch, long tokens) = (x.shape[0], x.shape[2]);
        Tensor groups = x.unsqueeze(2).expand(batch, TinyModel.KvHeads, Group, tokens, TinyModel.HeadSize);
        return groups.reshape(batch, TinyModel.QueryHeads, tokens, TinyModel.HeadSize);
    }

    private static Tensor Normed(Tensor x, Tensor weight) => x * (x.square().mean([-1], keepdim: true) + TinyModel.Epsilon).rsqrt() * weight;

    // Angles are made in double: in single the far positions would lose digits.
    private static Tensor Angles(Func<double, double> of)
    {
        float[] table = new float[TinyModel.Positions * Half];
        for (int i = 0; i < table.Length; i++) table[i] = (float)of(i / Half * TinyModel.Frequency(i % Half));
        return tensor(table, [TinyModel.Positions, Half]);
    }
}

/// <summary>
/// Keys and values of one sequence, layer by layer, [1, KV heads, tokens, head size]. They belong to the scope in which they were made.
/// </summary>
internal sealed class KeyValueCache
{
    private readonly (Tensor Keys, Tensor Values)?[] _layers = new (Tensor, Tensor)?[TinyModel.Layers];

    /// <summary>Tokens held.</summary>
    internal int Length { get; private set; }

    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor keys, Tensor values)
    {
        if (_layers[layer] is { } held)
        {
            (keys, values) = (cat([held.Keys, keys], 2), cat([held.Values, values], 2));
        }

        _layers[layer] = (keys, values);
        return (keys, values);
    }

    internal void Advance(int tokens) => Length += tokens;
}
