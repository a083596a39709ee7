using LLama.Native;

namespace KvPolicy.Benchmarks.Peers;

/// <summary>llama.cpp on the CPU, through LLamaSharp.</summary>
internal sealed class LlamaPeer : IPeer
{
    private readonly SafeLlamaModelHandle _model;
    private readonly int _threads;
    private readonly bool _flash;
    private readonly LLamaBatch _batch = new();
    private SafeLLamaContextHandle? _context;
    private int _length;

    // The first call sets up where the native library is looked for.
    static LlamaPeer()
    {
        NativeLibraryConfig.All.WithLogCallback(static (_, _) => { });
        NativeApi.llama_empty_call();
    }

    internal LlamaPeer(string path, int threads, bool flash)
    {
        (_threads, _flash) = (threads, flash);
        LLamaModelParams parameters = LLamaModelParams.Default();
        parameters.n_gpu_layers = 0;
        _model = SafeLlamaModelHandle.LoadFromFile(path, parameters);
    }

    public string Name => _flash ? "llama.cpp, flash attention" : "llama.cpp";

    public void Begin(int capacity)
    {
        _context?.Dispose();
        LLamaContextParams parameters = LLamaContextParams.Default();
        parameters.n_ctx = (uint)capacity;
        parameters.n_threads = parameters.n_threads_batch = _threads;
        parameters.llama_flash_attn_type = _flash ? LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_ENABLED : LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_DISABLED;
        _context = SafeLLamaContextHandle.Create(_model, parameters);
        _length = 0;
    }

    public int Prefill(ReadOnlySpan<int> ids)
    {
        int batch = (int)Context.BatchSize, greedy = -1;
        for (int at = 0; at < ids.Length; at += batch)
        {
            ReadOnlySpan<int> part = ids.Slice(at, Math.Min(batch, ids.Length - at));
            greedy = Feed(part, wantsLogits: at + part.Length == ids.Length);
        }

        return greedy;
    }

    public int Decode(int id) => Feed([id], wantsLogits: true);

    public void Dispose()
    {
        _context?.Dispose();
        _model.Dispose();
    }

    private SafeLLamaContextHandle Context => _context ?? throw new InvalidOperationException("No sequence was begun.");

    private int Feed(ReadOnlySpan<int> ids, bool wantsLogits)
    {
        _batch.Clear();
        for (int i = 0; i < ids.Length; i++) _batch.Add(ids[i], _length + i, LLamaSeqId.Zero, wantsLogits && i == ids.Length - 1);
        DecodeResult result = Context.Decode(_batch);
        if (result != DecodeResult.Ok) throw new InvalidOperationException($"llama.cpp answers {result} at {_length} tokens.");
        Context.Synchronize();
        _length += ids.Length;
        return wantsLogits ? Largest(Context.GetLogitsIth(ids.Length - 1)) : -1;
    }

    private static int Largest(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best]) best = i;
        }

        return best;
    }
}
