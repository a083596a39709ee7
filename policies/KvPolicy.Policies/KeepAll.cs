namespace KvPolicy.Policies;

/// <summary>The full cache: nothing is ever evicted. What every other policy is measured against.</summary>
/// <remarks>No pass, no kernel, no buffer; a budget that is given changes nothing.</remarks>
[KvPolicy]
public sealed partial class KeepAll;
