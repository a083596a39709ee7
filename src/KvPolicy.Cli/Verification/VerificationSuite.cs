using KvPolicy.Inference;
using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Verification;

/// <summary>Every point, ready to be checked for one policy after the other.</summary>
internal sealed class VerificationSuite : IDisposable
{
    private const int Threads = 2;

    private readonly PrefillSchedule[] _schedules;
    private readonly EvictionEqualsMasking _masking;
    private readonly EqualsReference _reference;
    private readonly ChunksAndThreads _chunks;
    private readonly KeepOneEqualsNone _keepOne;
    private readonly StateStaysHome _state;
    private readonly WorkerPool _workers = new(Threads);

    /// <summary>Prepares all points.</summary>
    /// <param name="model">A small model.</param>
    /// <param name="schedules">Prefill schedules under which eviction is compared with masking.</param>
    internal VerificationSuite(Model model, PrefillSchedule[] schedules)
    {
        (int bos, int vocabulary) = (model.Tokenizer.BosId, model.Config.VocabularySize);
        VerificationPrompt prompt = VerificationPrompt.Make(1, bos, vocabulary, shotCount: 9), other = VerificationPrompt.Make(2, bos, vocabulary, shotCount: 7);
        _schedules = schedules;
        _masking = new EvictionEqualsMasking(model, prompt, Threads);
        _reference = new EqualsReference(_workers);
        _chunks = new ChunksAndThreads(model, prompt);
        _keepOne = new KeepOneEqualsNone(model, prompt, Threads);
        _state = new StateStaysHome(model, other, prompt, Threads);
    }

    /// <summary>Checks every point for a policy, one result after the other.</summary>
    internal IEnumerable<PointResult> Check(VerifiedPolicy policy)
    {
        foreach (PrefillSchedule schedule in _schedules) yield return _masking.Check(policy, schedule);
        if (_reference.Check(policy) is { } result) yield return result;
        yield return _chunks.Check(policy);
        yield return _keepOne.Check(policy);
        yield return _state.Check(policy);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _masking.Dispose();
        _chunks.Dispose();
        _keepOne.Dispose();
        _workers.Dispose();
    }
}
