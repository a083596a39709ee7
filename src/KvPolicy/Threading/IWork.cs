namespace KvPolicy;

/// <summary>One item of parallel work. Items write only their own outputs, so neither their order nor the number of threads changes a result.</summary>
internal interface IWork
{
    /// <summary>Runs an item.</summary>
    /// <param name="item">0 .. items - 1.</param>
    /// <param name="worker">0 .. threads - 1: whose scratch to use.</param>
    void Run(int item, int worker);
}
