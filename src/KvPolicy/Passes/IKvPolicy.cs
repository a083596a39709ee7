using System.Collections.ObjectModel;
using ILGPU.Runtime;

namespace KvPolicy;

/// <summary>What the generator makes of a policy class. Instances are immutable and hold only numbers; state belongs to the sequence.</summary>
public interface IKvPolicy
{
    /// <summary>Facts of the class.</summary>
    PolicyInfo Info { get; }

    /// <summary>What this instance asks of the runtime.</summary>
    PolicyPlan Plan { get; }

    /// <summary>Every parameter's value in this instance, in invariant form: <see cref="PolicySettings.Values"/> that make it again. Budgets are in the plan.</summary>
    IReadOnlyDictionary<string, string> Parameters => ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Hands the host passes of this instance to a binder, as structs, so that whatever it builds is closed over them.</summary>
    /// <typeparam name="TBinder">The binder.</typeparam>
    /// <param name="binder">Called once.</param>
    void Bind<TBinder>(ref TBinder binder) where TBinder : IPassBinder, allows ref struct;

    /// <summary>The policy's own GPU kernels, for compilation and inspection without a device; empty where it has none.</summary>
    IReadOnlyList<GpuKernel> GpuKernels { get; }

    /// <summary>Loads this instance's GPU passes; null where the policy scores nothing.</summary>
    IGpuPasses? LoadGpu(Accelerator accelerator);
}

/// <summary>Receives a policy's host passes.</summary>
public interface IPassBinder
{
    /// <summary>Called by <see cref="IKvPolicy.Bind"/>; a phase that the policy lacks comes as <see cref="NoPasses"/>.</summary>
    void Use<TPrefill, TDecode>(TPrefill prefill, TDecode decode)
        where TPrefill : struct, IPrefillPasses
        where TDecode : struct, IDecodePasses;
}

/// <summary>Host passes after the prefill. A head is a KV head, or 0 where the kept set is shared by the layer. Every call writes only its own outputs, so tiles may run in any order on any thread.</summary>
public interface IPrefillPasses
{
    /// <summary>Scores of the up to 32 keys of one tile, protected keys included; adds to the state where the plan has one.</summary>
    /// <param name="layer">Keys, values, observed queries, log-sum-exp.</param>
    /// <param name="head">KV head; 0 where shared.</param>
    /// <param name="tile">Tile of 32 keys.</param>
    /// <param name="scores">[32]; entries past the held keys are not read.</param>
    void Score(in LayerView layer, int head, int tile, Span<float> scores);

    /// <summary>Pools the scores of the competing keys, protected ones cut out already.</summary>
    /// <param name="scores">[competing]</param>
    /// <param name="pooled">[competing]</param>
    void Pool(ReadOnlySpan<float> scores, Span<float> pooled);
}

/// <summary>Host passes of a decode step, after the layer's attention.</summary>
public interface IDecodePasses
{
    /// <summary>Scores of the up to 32 held keys of one tile; adds to the state where the plan has one.</summary>
    /// <param name="layer">Held keys, values, this step's probabilities.</param>
    /// <param name="head">KV head; 0 where shared.</param>
    /// <param name="tile">Tile of 32 keys.</param>
    /// <param name="scores">[32]; entries past the held keys are not read.</param>
    void Score(in LayerView layer, int head, int tile, Span<float> scores);
}

/// <summary>A phase that a policy does not have.</summary>
public readonly struct NoPasses : IPrefillPasses, IDecodePasses
{
    void IPrefillPasses.Score(in LayerView layer, int head, int tile, Span<float> scores) { }

    void IPrefillPasses.Pool(ReadOnlySpan<float> scores, Span<float> pooled) => scores.CopyTo(pooled);

    void IDecodePasses.Score(in LayerView layer, int head, int tile, Span<float> scores) { }
}
