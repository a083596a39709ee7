using KvPolicy.Inference.Sessions;

namespace KvPolicy.Inference.Chat;

/// <summary>
/// The caches of conversations that may go on, bounded in number. A conversation finds its own by what was fed: a cache serves it where its
/// tokens are the first ones of the conversation, under the same policy. One thread at a time.
/// </summary>
internal sealed class SessionPool(int most) : IDisposable
{
    // The one used last is at the end.
    private readonly List<(GenerationSession Session, PolicyIdentity Policy)> _held = [];

    /// <summary>Takes out the session that holds most of a conversation; null where none does, after making room for another.</summary>
    /// <param name="ids">The conversation.</param>
    /// <param name="policy">Of the request.</param>
    internal GenerationSession? Take(IReadOnlyList<int> ids, PolicyIdentity policy)
    {
        int best = -1;
        for (int i = 0; i < _held.Count; i++)
        {
            if (_held[i].Policy == policy && BeginsWith(ids, _held[i].Session.TokenIds) && (best < 0 || _held[i].Session.TokenIds.Count > _held[best].Session.TokenIds.Count)) best = i;
        }

        if (best < 0)
        {
            while (_held.Count > 0 && _held.Count >= most) DropOldest();
            return null;
        }

        GenerationSession session = _held[best].Session;
        _held.RemoveAt(best);
        return session;
    }

    /// <summary>Puts a session back, or disposes it where it cannot go on or there is no room.</summary>
    internal void Return(GenerationSession session, PolicyIdentity policy)
    {
        if (!session.CanGoOn || session.TokenIds.Count == 0 || most == 0)
        {
            session.Dispose();
            return;
        }

        _held.Add((session, policy));
        while (_held.Count > most) DropOldest();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_held.Count > 0) DropOldest();
    }

    private void DropOldest()
    {
        _held[0].Session.Dispose();
        _held.RemoveAt(0);
    }

    // With something left to feed, from which the answer follows.
    private static bool BeginsWith(IReadOnlyList<int> ids, IReadOnlyList<int> fed)
    {
        if (fed.Count >= ids.Count) return false;
        for (int i = 0; i < fed.Count; i++)
        {
            if (ids[i] != fed[i]) return false;
        }

        return true;
    }
}
