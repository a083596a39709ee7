namespace KvPolicy;

/// <summary>Four floats that one 128-bit load or store moves.</summary>
public struct Float4
{
    /// <summary>First.</summary>
    public float X;

    /// <summary>Second.</summary>
    public float Y;

    /// <summary>Third.</summary>
    public float Z;

    /// <summary>Fourth.</summary>
    public float W;
}
