using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KvPolicy;

/// <summary>The shots of a prompt under dense numbers, in the order of the numbers they were given.</summary>
internal sealed class ShotMap
{
    private readonly int[] _shots;

    /// <summary>Reads the shot of each prompt token; a negative number is outside.</summary>
    public ShotMap(IReadOnlyList<int> shots)
    {
        var numbers = new SortedSet<int>(shots.Where(shot => shot >= 0)).ToArray();
        // Pinned: passes read it through a layer's view.
        _shots = GC.AllocateUninitializedArray<int>(shots.Count, pinned: true);
        for (int p = 0; p < _shots.Length; p++) _shots[p] = shots[p] < 0 ? -1 : Array.BinarySearch(numbers, shots[p]);
        LastPosition = new int[numbers.Length];
        for (int p = 0; p < _shots.Length; p++)
        {
            if (_shots[p] < 0) continue;
            LastPosition[_shots[p]] = p;
            Tokens++;
        }
    }

    /// <summary>Shot of each prompt position, -1 outside; empty without shots.</summary>
    public ReadOnlySpan<int> Positions => _shots;

    /// <summary>Shots.</summary>
    public int Count => LastPosition.Length;

    /// <summary>Tokens in shots.</summary>
    public int Tokens { get; }

    /// <summary>Position of each shot's last token.</summary>
    public int[] LastPosition { get; }

    /// <summary>The layer with the shots of its tokens; valid while this map lives.</summary>
    public unsafe LayerView In(in LayerView layer)
        => layer with { ShotOf = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_shots)), ShotsOf = _shots.Length };

    /// <summary>Shot of a position, -1 outside.</summary>
    public int At(int position) => position < _shots.Length ? _shots[position] : -1;
}
