namespace KvPolicy.Generators.Diagnostics;

/// <summary>Ids of diagnostics.</summary>
internal static class DiagnosticIds
{
    public const string NotPartial = "KVP0001";
    public const string UnsupportedType = "KVP0002";
    public const string MissingHook = "KVP0003";
    public const string InvalidHook = "KVP0004";
    public const string UnknownSignal = "KVP0005";
    public const string InvalidParameter = "KVP0006";
    public const string AxisOutOfRange = "KVP0007";
    public const string AxisConflict = "KVP0008";
    public const string ConflictingDefaults = "KVP0009";
    public const string NameClash = "KVP0010";
    public const string MisplacedObserve = "KVP0011";
    public const string MissingObserve = "KVP0012";
    public const string UnusedHook = "KVP0013";
    public const string InvalidCatalog = "KVP0014";
    public const string MisplacedDraw = "KVP0015";
    public const string HookThrows = "KVP0101";
    public const string HookTries = "KVP0102";
    public const string HookAllocates = "KVP0103";
    public const string HookReadsStatic = "KVP0104";
    public const string HookCallsVirtual = "KVP0105";
    public const string HookUsesType = "KVP0106";
    public const string HookCallsUnknown = "KVP0107";
    public const string HookUsesDouble = "KVP0108";
}
