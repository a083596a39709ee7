namespace KvPolicy.Benchmarks.Peers;

/// <summary>A model loaded by one of the engines that are compared.</summary>
internal interface IPeer : IDisposable
{
    /// <summary>As the tables name it.</summary>
    string Name { get; }

    /// <summary>Starts an empty sequence that can hold a number of tokens.</summary>
    void Begin(int capacity);

    /// <summary>Feeds a prompt at once, to the logits after its last token.</summary>
    /// <returns>The greedy next id.</returns>
    int Prefill(ReadOnlySpan<int> ids);

    /// <summary>Feeds one token.</summary>
    /// <returns>The greedy next id.</returns>
    int Decode(int id);
}
