namespace KvPolicy.Inference.Tokenization.Merging;

/// <summary>A stretch of text that is one token so far.</summary>
/// <param name="Start">Offset in the text.</param>
/// <param name="Length">UTF-16 units; 0 once it has been joined to the one before.</param>
/// <param name="Id">As the rule numbers tokens.</param>
/// <param name="Previous">Neighbour before, or -1.</param>
/// <param name="Next">Neighbour after, or -1.</param>
internal readonly record struct Symbol(int Start, int Length, int Id, int Previous, int Next);

/// <summary>Which neighbours may be joined, and in which order.</summary>
internal interface IJoinRule
{
    /// <summary>True where the two may become one token.</summary>
    /// <param name="left">The first.</param>
    /// <param name="right">The one after it.</param>
    /// <param name="order">The lowest is joined first; of equal ones the leftmost.</param>
    /// <param name="id">Of the join.</param>
    bool TryJoin(in Symbol left, in Symbol right, out double order, out int id);
}

/// <summary>Joins neighbours in a rule's order until none may be joined: n log n in the number of symbols.</summary>
internal sealed class SymbolMerger(IJoinRule rule)
{
    private readonly List<Symbol> _symbols = [];
    private readonly PriorityQueue<(int Left, int Right, int Length, int Id), (double Order, int Left)> _queue = new();

    /// <summary>Puts a symbol behind the others; its text follows theirs.</summary>
    internal void Add(int start, int length, int id)
    {
        int index = _symbols.Count;
        if (index > 0) _symbols[index - 1] = _symbols[index - 1] with { Next = index };
        _symbols.Add(new Symbol(start, length, id, index - 1, -1));
    }

    /// <summary>Joins all that may be joined, and gives what is left, in order.</summary>
    internal IEnumerable<Symbol> Merge()
    {
        for (int i = 1; i < _symbols.Count; i++) Consider(i - 1, i);
        while (_queue.TryDequeue(out (int Left, int Right, int Length, int Id) pair, out _)) Join(pair.Left, pair.Right, pair.Length, pair.Id);
        for (int i = _symbols.Count > 0 ? 0 : -1; i >= 0; i = _symbols[i].Next) yield return _symbols[i];
    }

    private void Consider(int left, int right)
    {
        if (left < 0 || right < 0) return;
        Symbol a = _symbols[left], b = _symbols[right];
        if (rule.TryJoin(a, b, out double order, out int id)) _queue.Enqueue((left, right, a.Length + b.Length, id), (order, left));
    }

    private void Join(int left, int right, int length, int id)
    {
        // An entry is stale where one of its symbols has been joined with another since: then its length is another.
        Symbol a = _symbols[left], b = _symbols[right];
        if (a.Length == 0 || b.Length == 0 || a.Length + b.Length != length || a.Next != right) return;
        _symbols[left] = a with { Length = length, Id = id, Next = b.Next };
        _symbols[right] = b with { Length = 0 };
        if (b.Next >= 0) _symbols[b.Next] = _symbols[b.Next] with { Previous = left };
        Consider(a.Previous, left);
        Consider(left, b.Next);
    }
}
