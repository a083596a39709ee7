namespace KvPolicy;

/// <summary>
/// From the scores of the held tokens to the set that stays after a prefill: protected tokens are cut out, units are scored, exactly as many
/// stay as the budget says. Slots are in the order of positions. Shots are the exception to "exactly": they are whole or gone.
/// </summary>
internal sealed class PrefillSelector
{
    private readonly PolicyPlan _plan;
    private readonly PrefillPlan _prefill;
    private readonly ShotMap _shots;
    private readonly int _prompt;

    public PrefillSelector(PolicyPlan plan, PrefillPlan prefill, PromptShape prompt)
    {
        (_plan, _prefill, _prompt) = (plan, prefill, prompt.Tokens);
        _shots = new ShotMap(prefill.Unit == Unit.Shot ? prompt.Shots : []);
        Budget = prefill.Budget.FloorOf(prompt.Tokens);
        LacksShots = prefill.Unit == Unit.Shot && _shots.Count == 0;
    }

    /// <summary>The prompt's shots; none unless shots compete.</summary>
    public ShotMap Shots => _shots;

    /// <summary>k: what stays per layer and KV head, of the whole prompt.</summary>
    public int Budget { get; }

    /// <summary>True where the unit is the shot and the prompt has none.</summary>
    public bool LacksShots { get; }

    /// <summary>True where the prompt is kept before any rule is looked at.</summary>
    public bool KeepsAll => LacksShots || Budget >= _prompt;

    /// <summary>What does not compete of <paramref name="held"/> tokens.</summary>
    public Protection ProtectionOf(int held) => Protection.Of(_plan, Budget, held);

    /// <summary>Units that a row of <paramref name="held"/> tokens can have.</summary>
    public int UnitsOf(int held) => _prefill.Unit switch
    {
        Unit.Chunk => (held + _prefill.Chunk - 1) / _prefill.Chunk,
        Unit.Shot => _shots.Count,
        _ => 0,
    };

    /// <summary>Scores of the units from the pooled scores of the competing tokens (shots: from every token's score).</summary>
    /// <param name="row">Row whose scores and pooled scores are at hand.</param>
    /// <param name="positions">Position of each held slot.</param>
    public void ScoreUnits(SelectionRow row, ReadOnlySpan<int> positions)
    {
        if (_prefill.Unit == Unit.Chunk) ScoreChunks(row, positions.Length);
        if (_prefill.Unit == Unit.Shot) ScoreShots(row, positions);
    }

    /// <summary>Chooses what stays; the result is in <see cref="SelectionRow.Kept"/>.</summary>
    /// <param name="row">Row after <see cref="ScoreUnits"/>.</param>
    /// <param name="positions">Position of each held slot.</param>
    public void Choose(SelectionRow row, ReadOnlySpan<int> positions)
    {
        int held = positions.Length;
        Protection protection = ProtectionOf(held);
        if (_prefill.Unit == Unit.Token)
        {
            ChooseTokens(row, protection, held);
            return;
        }

        for (int slot = 0; slot < held; slot++) row.Stays[slot] = protection.Covers(slot, held);
        if (_prefill.Unit == Unit.Chunk) ChooseChunks(row, protection, held);
        else ChooseShots(row, protection, positions);
        row.Collect(held);
    }

    /// <summary>Each token's score as it competed, a unit's at each of its tokens; NaN where the policy has none.</summary>
    public void WriteScores(SelectionRow row, ReadOnlySpan<int> positions, Span<float> target)
    {
        int held = positions.Length;
        Protection protection = ProtectionOf(held);
        for (int slot = 0; slot < held; slot++)
        {
            bool competes = !protection.Covers(slot, held);
            int shot = _shots.At(positions[slot]), at = slot - protection.Sinks;
            target[positions[slot]] = _prefill.Unit switch
            {
                Unit.Shot => shot >= 0 ? row.Units[shot] : float.NaN,
                Unit.Chunk => competes ? row.Units[at / _prefill.Chunk] : float.NaN,
                // A protected token's own score exists; its pooled score does not, since it was cut out first.
                _ => competes ? row.Pooled[at] : _prefill.Pools ? float.NaN : row.Scores[slot],
            };
        }
    }

    /// <summary>How many of the competing of <paramref name="held"/> tokens stay.</summary>
    public int ChosenOf(Protection protection, int held)
    {
        int protectedTokens = protection.Sinks + protection.Recent;
        return Math.Min(Budget - protectedTokens, held - protectedTokens);
    }

    private void ChooseTokens(SelectionRow row, Protection protection, int held)
    {
        int competing = held - protection.Sinks - protection.Recent;
        int chosen = ChosenOf(protection, held);
        Span<int> kept = row.Kept;
        for (int slot = 0; slot < protection.Sinks; slot++) kept[slot] = slot;
        Span<int> middle = kept.Slice(protection.Sinks, chosen);
        ExactSelection.Largest(row.Pooled.AsSpan(0, competing), middle);
        foreach (ref int slot in middle) slot += protection.Sinks;
        for (int i = 0; i < protection.Recent; i++) kept[protection.Sinks + chosen + i] = held - protection.Recent + i;
        row.KeptCount = protection.Sinks + chosen + protection.Recent;
    }

    private void ScoreChunks(SelectionRow row, int held)
    {
        Protection protection = ProtectionOf(held);
        int competing = held - protection.Sinks - protection.Recent;
        for (int first = 0, chunk = 0; first < competing; first += _prefill.Chunk, chunk++)
        {
            double sum = 0;
            foreach (float score in row.Pooled.AsSpan(first, Math.Min(_prefill.Chunk, competing - first))) sum += score;
            row.Units[chunk] = (float)sum;
        }
    }

    private void ChooseChunks(SelectionRow row, Protection protection, int held)
    {
        int competing = held - protection.Sinks - protection.Recent, left = Budget - protection.Sinks - protection.Recent;
        Array.Clear(row.Taken);
        foreach (ulong key in BestFirst(row, (competing + _prefill.Chunk - 1) / _prefill.Chunk))
        {
            int first = UnitOf(key) * _prefill.Chunk;
            int taken = Math.Min(left, Math.Min(_prefill.Chunk, competing - first));
            row.Taken[UnitOf(key)] = taken;
            row.Stays.AsSpan(protection.Sinks + first, taken).Fill(true);
            left -= taken;
            if (left == 0) break;
        }
    }

    private void ScoreShots(SelectionRow row, ReadOnlySpan<int> positions)
    {
        // Every token of a shot counts for its mean, protected or not; in double, because shots are long.
        Span<double> sums = _shots.Count <= 256 ? stackalloc double[_shots.Count] : new double[_shots.Count];
        CountShots(row, positions);
        Protection protection = ProtectionOf(positions.Length);
        for (int slot = 0; slot < positions.Length; slot++)
        {
            int shot = _shots.At(positions[slot]);
            if (shot < 0) continue;
            sums[shot] += protection.Covers(slot, positions.Length) ? row.Scores[slot] : row.Pooled[slot - protection.Sinks];
        }

        for (int shot = 0; shot < _shots.Count; shot++) row.Units[shot] = row.Shots[shot].Held > 0 ? (float)(sums[shot] / row.Shots[shot].Held) : float.NaN;
    }

    /// <summary>Counts the held tokens of each shot, and those of them that compete, into <see cref="SelectionRow.Shots"/>.</summary>
    /// <param name="row">Row.</param>
    /// <param name="positions">Position of each held slot.</param>
    public void CountShots(SelectionRow row, ReadOnlySpan<int> positions)
    {
        Array.Clear(row.Shots);
        Protection protection = ProtectionOf(positions.Length);
        for (int slot = 0; slot < positions.Length; slot++)
        {
            int shot = _shots.At(positions[slot]);
            if (shot < 0) continue;
            row.Shots[shot].Held++;
            if (!protection.Covers(slot, positions.Length)) row.Shots[shot].Cost++;
        }
    }

    private void ChooseShots(SelectionRow row, Protection protection, ReadOnlySpan<int> positions)
    {
        int held = positions.Length, newest = positions[held - 1], left = ShotBudget(row, newest);
        bool open = true;
        foreach (ulong key in BestFirst(row, _shots.Count))
        {
            int shot = UnitOf(key), cost = row.Shots[shot].Cost;
            // A shot that is still arriving (chunk by chunk) cannot be judged yet.
            bool arriving = _shots.LastPosition[shot] > newest;
            bool fits = open && !arriving && row.Shots[shot].Held > 0 && cost <= left;
            if (fits) left -= cost;
            else if (!arriving && row.Shots[shot].Held > 0 && _prefill.Packing == Packing.Stop) open = false;
            row.Taken[shot] = fits || arriving ? row.Shots[shot].Held : 0;
        }

        for (int slot = 0; slot < held; slot++)
        {
            int shot = _shots.At(positions[slot]);
            row.Stays[slot] |= shot < 0 || row.Taken[shot] > 0;
        }
    }

    /// <summary>Tokens of shots that may stay beside the protected ones.</summary>
    private int ShotBudget(SelectionRow row, int newest)
    {
        int of = _prefill.Outside == Outside.KeepFree ? _shots.Tokens : _prompt;
        int budget = _prefill.Budget.IsTokens ? _prefill.Budget.Tokens : (int)decimal.Floor(_prefill.Budget.Ratio * of);
        if (_prefill.Outside == Outside.KeepAndCount) budget = Math.Max(0, budget - (_prompt - _shots.Tokens));
        for (int shot = 0; shot < _shots.Count; shot++)
        {
            budget -= row.Shots[shot].Held - row.Shots[shot].Cost;
            if (_shots.LastPosition[shot] > newest) budget -= row.Shots[shot].Cost;
        }

        return Math.Max(0, budget);
    }

    /// <summary>Keys of the units by falling score, equal scores the lower unit first.</summary>
    private static Span<ulong> BestFirst(SelectionRow row, int units)
    {
        Span<ulong> order = row.OrderOf(units);
        for (int unit = 0; unit < units; unit++) order[unit] = (ulong)~ExactSelection.SortableKey(row.Units[unit]) << 32 | (uint)unit;
        order.Sort();
        return order;
    }

    private static int UnitOf(ulong key) => (int)(uint)key;
}
