namespace KvPolicy.Generators;

/// <summary>Names of the declarations in KvPolicy that the generator reads. It cannot reference them; a test compares each with its type.</summary>
internal static class WellKnownNames
{
    public const string KvPolicyAttribute = "KvPolicy.KvPolicyAttribute";
    public const string PolicyCatalogAttribute = "KvPolicy.PolicyCatalogAttribute";
    public const string PrefillAttribute = "KvPolicy.PrefillAttribute";
    public const string DecodeAttribute = "KvPolicy.DecodeAttribute";
    public const string ObserveAttribute = "KvPolicy.ObserveAttribute";
    public const string DrawAttribute = "KvPolicy.DrawAttribute";
    public const string PoolAttribute = "KvPolicy.PoolAttribute";
    public const string ShareAttribute = "KvPolicy.ShareAttribute";
    public const string ProtectAttribute = "KvPolicy.ProtectAttribute";
    public const string ObsoleteAttribute = "System.ObsoleteAttribute";
    public const string RangeAttribute = "System.ComponentModel.DataAnnotations.RangeAttribute";
}
