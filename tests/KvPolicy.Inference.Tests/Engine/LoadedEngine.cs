using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Tests.Engine;

/// <summary>A model on the processor.</summary>
internal sealed class LoadedEngine : IDisposable
{
    private readonly HostOps _ops;
    private readonly Transformer _transformer;

    internal LoadedEngine(string path, int threads, string? tokenizer = null)
    {
        Model = ModelLoader.Load(path, tokenizer);
        _ops = new HostOps(threads);
        _transformer = new Transformer(Model, _ops);
    }

    internal Model Model { get; }

    internal Sequence Begin(int capacity, int chunkRows = SequenceOptions.DefaultChunkRows, IKvPolicy? policy = null)
        => new(_transformer, new SequenceOptions { Capacity = capacity, ChunkRows = chunkRows, Policy = policy });

    public void Dispose()
    {
        _transformer.Dispose();
        _ops.Dispose();
        Model.Dispose();
    }
}
