namespace KvPolicy.Inference;

/// <content>One call at a time: weights and scratch are memory that nothing else guards.</content>
public sealed partial class InferenceEngine
{
    private const int Idle = 0, Busy = 1, Closed = 2;
    private int _state;

    /// <summary>Begins a call; disposing what is returned ends it.</summary>
    /// <exception cref="InvalidOperationException">Another call is at work.</exception>
    /// <exception cref="ObjectDisposedException">The engine is gone.</exception>
    internal Call Enter()
    {
        int was = Interlocked.CompareExchange(ref _state, Busy, Idle);
        ObjectDisposedException.ThrowIf(was == Closed, this);
        if (was == Busy) throw new InvalidOperationException("The engine is at work on another call: wait for it, or give each thread an engine of its own over one model (InferenceEngine.Over).");
        return new Call(this);
    }

    // True where there is something to release.
    private bool Close()
    {
        int was = Interlocked.CompareExchange(ref _state, Closed, Idle);
        if (was == Busy) throw new InvalidOperationException("The engine is at work on a call: cancel it, or wait for it, before the engine is disposed.");
        return was == Idle;
    }

    /// <summary>A call at work.</summary>
    internal readonly struct Call(InferenceEngine engine) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => Volatile.Write(ref engine._state, Idle);
    }
}
