namespace KvPolicy.Generators.Tests.Diagnostics;

/// <summary>A wrong declaration, and what is said of it: ids with the message's own words.</summary>
/// <param name="Name">What is wrong.</param>
/// <param name="Source">Source text; the first [| … |] is where the diagnostic stands.</param>
/// <param name="Id">Its id.</param>
/// <param name="Says">Words of its message.</param>
/// <param name="FilesOfOthers">True where the source also has a policy that is right.</param>
public sealed record DiagnosticCase(string Name, string Source, string Id, string Says, bool FilesOfOthers = false)
{
    public override string ToString() => $"{Id} {Name}";
}

/// <summary>Wrong declarations, at least one for each diagnostic of <c>PolicyDeclarationAnalyzer</c> and <c>CatalogAnalyzer</c>.</summary>
internal static class DeclarationCases
{
    private const string Hook = "public static float Score(float keyNorm) => -keyNorm;";

    public static IEnumerable<DiagnosticCase> All => Types.Concat(Hooks).Concat(Parameters).Concat(Ranges).Concat(Conflicts).Concat(Names).Concat(Catalogs);

    private static IEnumerable<DiagnosticCase> Types =>
    [
        new("not partial", $"[KvPolicy, Prefill] public class [|P|] {{ {Hook} }}", "KVP0001", "'P' must be partial"),
        new("type around it not partial", $"public class Outer {{ [KvPolicy, Prefill] public partial class [|P|] {{ {Hook} }} }}", "KVP0001", "'Outer' must be partial"),
        new("generic", $"[KvPolicy, Prefill] public partial class [|P|]<T> {{ {Hook} }}", "KVP0002", "generic"),
        new("static", $"[KvPolicy, Prefill] public static partial class [|P|] {{ {Hook} }}", "KVP0002", "static"),
        new("abstract", $"[KvPolicy, Prefill] public abstract partial class [|P|] {{ {Hook} }}", "KVP0002", "abstract"),
        new("struct", $"[KvPolicy, Prefill] public partial struct [|P|] {{ {Hook} }}", "KVP0002", "not a class"),
        new("record", $"[KvPolicy, Prefill] public partial record [|P|] {{ {Hook} }}", "KVP0002", "a record"),
        new("file-local", $"[KvPolicy, Prefill] file partial class [|P|] {{ {Hook} }}", "KVP0002", "file-local"),
        new("private", $"public partial class Outer {{ [KvPolicy, Prefill] private partial class [|P|] {{ {Hook} }} }}", "KVP0002", "neither public nor internal"),
        new("in a private type", $"public partial class Outer {{ private partial class Inner {{ [KvPolicy, Prefill] public partial class [|P|] {{ {Hook} }} }} }}", "KVP0002", "nested in Inner"),
        new("in a generic type", $"public partial class Outer<T> {{ [KvPolicy, Prefill] public partial class [|P|] {{ {Hook} }} }}", "KVP0002", "generic type Outer"),
        new("required member", $"[KvPolicy, Prefill] public partial class [|P|] {{ public required int X {{ get; init; }} {Hook} }}", "KVP0002", "member X is required"),
        new("required member of a base", $"public class Plain {{ public required int X {{ get; init; }} }} [KvPolicy, Prefill] public partial class [|P|] : Plain {{ {Hook} }}", "KVP0002", "member X is required"),
        new("derived from a policy", $"[KvPolicy] public partial class Plain; [KvPolicy, Prefill] public partial class [|P|] : Plain {{ {Hook} }}", "KVP0002", "derived from the policy Plain", FilesOfOthers: true),
        new("among generated types", $"namespace KvPolicy.Generated {{ [KvPolicy, Prefill] public partial class [|P|] {{ {Hook} }} }}", "KVP0002", "in KvPolicy.Generated"),
        new("no constructor", $"[KvPolicy, Prefill] public partial class [|P|](int x) {{ public int X => x; {Hook} }}", "KVP0002", "without a constructor"),
    ];

    private static IEnumerable<DiagnosticCase> Hooks =>
    [
        new("no hook", "[KvPolicy, [|Prefill(Keep = 0.5f)|]] public partial class P { }", "KVP0003", "add the hook Score or ScorePrefill"),
        new("no decode hook", "[KvPolicy, Prefill, [|Decode|]] public partial class P { public static float ScorePrefill(float keyNorm) => keyNorm; }", "KVP0003", "add the hook Score or ScoreDecode"),
        new("not static", "[KvPolicy, Prefill] public partial class P { public float [|Score|](float keyNorm) => keyNorm; }", "KVP0004", "not static"),
        new("private hook", "[KvPolicy, Prefill] public partial class P { static float [|Score|](float keyNorm) => keyNorm; }", "KVP0004", "neither public nor internal"),
        new("returns double", "[KvPolicy, Prefill] public partial class P { public static double [|Score|](float keyNorm) => keyNorm; }", "KVP0004", "returning double"),
        new("void", "[KvPolicy, Prefill] public partial class P { public static void [|Score|](float keyNorm) { } }", "KVP0004", "void"),
        new("extern hook", "[KvPolicy, Prefill] public partial class P { [System.Runtime.InteropServices.DllImport(\"x\")] public static extern float [|Score|](float keyNorm); }", "KVP0004", "extern"),
        new("hook that stays a call", "[KvPolicy, Prefill] public partial class P { [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)] public static float [|Score|](float keyNorm) => keyNorm; }", "KVP0004", "NoInlining"),
        new("obsolete hook", "[KvPolicy, Prefill] public partial class P { [Obsolete] public static float [|Score|](float keyNorm) => keyNorm; }", "KVP0004", "obsolete"),
        new("generic hook", "[KvPolicy, Prefill] public partial class P { public static float [|Score|]<T>(float keyNorm) => keyNorm; }", "KVP0004", "generic"),
        new("overloaded", "[KvPolicy, Prefill] public partial class P { public static float [|Score|](float keyNorm) => keyNorm; public static float Score(float valueNorm, int position) => valueNorm; }", "KVP0004", "overloaded"),
        new("a property", "[KvPolicy, Prefill] public partial class P { public static float [|Score|] => 1f; }", "KVP0004", "not a method"),
        new("never called", $"[KvPolicy] public partial class P {{ {Hook.Replace("Score", "[|Score|]", StringComparison.Ordinal)} }}", "KVP0013", "never called"),
        new("a general hook beside the only phase's", "[KvPolicy, Prefill] public partial class P { public static float [|Score|](float keyNorm) => keyNorm; public static float ScorePrefill(float keyNorm) => keyNorm; }", "KVP0013", "never called"),
    ];

    private static IEnumerable<DiagnosticCase> Parameters =>
    [
        Param("unknown signal", "float [|attn|]", "KVP0005", "known are attention, keyNorm, valueNorm, position, length, layer, layers, head, random. A number"),
        Param("signal's type", "double [|keyNorm|]", "KVP0006", "the signal is float"),
        Param("signal by reference", "in float [|keyNorm|]", "KVP0006", "passed by value"),
        Param("type of a number", "float keyNorm, long [|beta|] = 1", "KVP0006", "an int or a float"),
        Param("NaN", "float keyNorm, float [|beta|] = float.NaN", "KVP0006", "not a finite number"),
        Param("default out of its range", "float keyNorm, [Range(1, 5)] int [|beta|] = 7", "KVP0006", "outside 1 to 5"),
        Param("range without its ends", "float keyNorm, [Range(0, 5, MinimumIsExclusive = true)] int [|beta|] = 2", "KVP0006", "includes its ends"),
        Param("float out of its range", "float keyNorm, [Range(0, 0.3)] float [|beta|] = 0.30001f", "KVP0006", "its default 0.30001 lies outside 0 to 0.3"),
        Param("range of words", "float keyNorm, [Range(typeof(int), \"1\", \"5\")] int [|beta|] = 2", "KVP0006", "two numbers"),
        Param("observe on a norm", "[Observe(Rows.All)] float [|keyNorm|]", "KVP0011", "only attention"),
        Param("observe on a number", "float keyNorm, [Observe(Rows.All)] float [|beta|] = 1f", "KVP0011", "only attention"),
        Param("draw of a norm", "[Draw(Scope.Layer)] float [|keyNorm|]", "KVP0015", "only random is drawn"),
        Param("draw of a number", "float keyNorm, [Draw(Scope.Layer)] float [|beta|] = 1f", "KVP0015", "only random is drawn"),
        Param("a whole random number", "int [|random|]", "KVP0006", "the signal is float"),
        Param("attention of nothing", "float [|attention|]", "KVP0012", "[Observe(Rows.Last, n)]"),
        Param("a signal with a default", "float keyNorm, float [|attention|] = 1f", "KVP0010", "a signal"),
        Param("a number of an axis", "float keyNorm, int [|window|] = 3", "KVP0010", "a number of an axis"),
        Param("the number that draws", "float keyNorm, int [|seed|] = 3", "KVP0010", "a number of an axis"),
        Param("a new signal with a default", "float keyNorm, int [|layers|] = 3", "KVP0010", "a signal"),
        Param("a generated member", "float keyNorm, int [|plan|] = 3", "KVP0010", "a member that is generated"),
        Param("a member of every class", "float keyNorm, int [|equals|] = 3", "KVP0010", "a member of Object"),
        Param("a hook", "float keyNorm, int [|scoreDecode|] = 3", "KVP0010", "a hook"),
        Param("the class", "float keyNorm, int [|p|] = 3", "KVP0010", "the class"),
    ];

    private static IEnumerable<DiagnosticCase> Ranges =>
    [
        Axis("Keep 0", "[|Prefill(Keep = 0f)|]", "KVP0007", "Keep is 0; it must be above 0, at most 1"),
        Axis("Keep above 1", "[|Prefill(Keep = 1.5f)|]", "KVP0007", "Keep is 1.5"),
        Axis("Keep NaN", "[|Prefill(Keep = float.NaN)|]", "KVP0007", "not a number"),
        Axis("decode Keep", "Prefill, [|Decode(Keep = 2f)|]", "KVP0007", "Keep is 2"),
        Axis("negative tokens", "[|Prefill(Tokens = -1)|]", "KVP0007", "Tokens is -1"),
        Axis("unit that does not exist", "[|Prefill((Unit)7)|]", "KVP0007", "Unit is 7; it must be Token, Chunk, Shot"),
        Axis("scope that does not exist", "Prefill, [|Share((Scope)9)|]", "KVP0007", "Scope is 9; it must be Head, Layer, Model"),
        Param("rows that do not exist", "[Observe((Rows)5)] float [|attention|]", "KVP0007", "Rows is 5; it must be Last, All, Current"),
        Param("draw by none", "[Draw((Scope)4)] float [|random|]", "KVP0007", "Scope is 4; it must be Head, Layer, Model"),
        Param("draw of nothing", "[Draw(Scope.Head, (Unit)4)] float [|random|]", "KVP0007", "Unit is 4; it must be Token, Chunk, Shot"),
        Axis("even pool", "Prefill, [|Pool(Pooling.Average, 4)|]", "KVP0007", "Width is 4; it must be odd"),
        Axis("empty chunk", "[|Prefill(Unit.Chunk, Chunk = 0)|]", "KVP0007", "Chunk is 0"),
        Axis("negative sinks", "Prefill, [|Protect(Sinks = -1)|]", "KVP0007", "Sinks is -1"),
        Axis("negative recent", "Prefill, [|Protect(Recent = -2)|]", "KVP0007", "Recent is -2"),
        Axis("share above 1", "Prefill, [|Protect(RecentShare = 1.25f)|]", "KVP0007", "RecentShare is 1.25"),
        new("window of no rows", "[KvPolicy, Prefill, [|Observe(Rows.Last)|]] public partial class P { public static float Score(float attention) => attention; }", "KVP0007", "1 to 1048576"),
        Param("parameter's window", "[Observe(Rows.Last, -3)] float [|attention|]", "KVP0007", "is -3"),
    ];

    private static IEnumerable<DiagnosticCase> Conflicts =>
    [
        Param("current row in the prefill", "[Observe(Rows.Current)] float [|attention|]", "KVP0008", "Rows.Current has no meaning after the prefill"),
        new("last rows while decoding", "[KvPolicy, Decode] public partial class P { public static float Score([Observe(Rows.Last, 4)] float [|attention|]) => attention; }", "KVP0008", "queries of the prompt"),
        Param("count of all rows", "[Observe(Rows.All, 4)] float [|attention|]", "KVP0008", "takes no count"),
        Axis("observe without attention", "Prefill, [|Observe(Rows.All)|]", "KVP0008", "no hook reads attention"),
        Param("draw for chunks", "[Draw(Scope.Layer, Unit.Chunk)] float [|random|]", "KVP0008", "chunks have no number"),
        Param("draw for shots among tokens", "[Draw(Scope.Layer, Unit.Shot)] float [|random|]", "KVP0008", "shots do not compete"),
        new("draw for shots while decoding", "[KvPolicy, Prefill(Unit.Shot), Decode] public partial class P { public static float Score([Draw(Scope.Model, Unit.Shot)] float [|random|]) => random; }", "KVP0008", "belong to no shot"),
        Axis("pool on shots", "Prefill(Unit.Shot), [|Pool(Pooling.Max, 3)|]", "KVP0008", "shots"),
        Axis("pool without prefill", "Decode, [|Pool(Pooling.Max, 3)|]", "KVP0008", "after the prefill"),
        Axis("decode unit", "Prefill, [|Decode(Unit.Chunk)|]", "KVP0008", "single tokens"),
        Axis("model scope of tokens", "Prefill, [|Share(Scope.Model)|]", "KVP0008", "only shots"),
        new("share of nothing", "[KvPolicy, [|Share(Scope.Layer)|]] public partial class P;", "KVP0008", "no kept set is shared"),
        new("protection from nothing", "[KvPolicy, [|Protect(Sinks = 4)|]] public partial class P;", "KVP0008", "nothing needs protection"),
        Axis("nothing shared", "Prefill, [|Share(Scope.Head)|]", "KVP0008", "leave [Share] out"),
        Axis("chunk length of tokens", "[|Prefill(Chunk = 5)|]", "KVP0008", "Unit.Chunk"),
        Axis("outside of tokens", "[|Prefill(Outside = Outside.KeepFree)|]", "KVP0008", "outside shots"),
        Axis("packing of tokens", "[|Prefill(Packing = Packing.Skip)|]", "KVP0008", "shots"),
        Axis("tokens of shots", "[|Prefill(Unit.Shot, Tokens = 5)|]", "KVP0008", "fraction of the prompt"),
        Axis("two budgets", "[|Prefill(Keep = 0.5f, Tokens = 5)|]", "KVP0008", "two budgets"),
        Axis("two decode budgets", "Prefill, [|Decode(Keep = 0.5f, Tokens = 5)|]", "KVP0008", "two budgets"),
    ];

    private static IEnumerable<DiagnosticCase> Names =>
    [
        new("two defaults", "[KvPolicy, Prefill, Decode] public partial class P { public static float ScorePrefill(float keyNorm, float beta = 1f) => beta; public static float ScoreDecode(float keyNorm, float [|beta|] = 2f) => beta; }", "KVP0009", "is float 2 (-3.40"),
        new("two ranges", "[KvPolicy, Prefill, Decode] public partial class P { public static float ScorePrefill(float keyNorm, [Range(0, 9)] int beta = 1) => beta; public static float ScoreDecode(float keyNorm, [Range(0, 5)] int [|beta|] = 1) => beta; }", "KVP0009", "is int 1 (0 to 5) here and int 1 (0 to 9)"),
        new("two cases", "[KvPolicy, Prefill, Decode] public partial class P { public static float ScorePrefill(float keyNorm, float beta = 1f) => beta; public static float ScoreDecode(float keyNorm, float [|Beta|] = 1f) => Beta; }", "KVP0010", "the parameter beta"),
        new("a member", "[KvPolicy, Prefill] public partial class P { public int Beta; public static float Score(float keyNorm, float [|beta|] = 1f) => beta; }", "KVP0010", "a member of the class"),
        new("the class in a generated member's place", $"[KvPolicy, Prefill] public partial class [|Plan|] {{ {Hook} }}", "KVP0010", "'Plan' clashes with a member that is generated"),
        new("a base's member in a generated one's place", $"public class Plain {{ public int Info; }} [KvPolicy, Prefill] public partial class [|P|] : Plain {{ {Hook} }}", "KVP0010", "'Plain.Info' clashes"),
        new("a base's member", $"public class Plain {{ protected int Beta; }} [KvPolicy, Prefill] public partial class P : Plain {{ public static float Score(float keyNorm, float [|beta|] = 1f) => beta; }}", "KVP0010", "a member of Plain"),
        new("own member in the seed's place", "[KvPolicy, Prefill] public partial class P { public int [|Seed|]; public static float Score(float random) => random; }", "KVP0010", "a member that is generated"),
        new("own member in a generated one's place", "[KvPolicy, Prefill] public partial class P { public int [|Sinks|]; public static float Score(float keyNorm) => keyNorm; }", "KVP0010", "a member that is generated"),
    ];

    private static IEnumerable<DiagnosticCase> Catalogs =>
    [
        new("catalog not static", "[PolicyCatalog] public partial class [|C|];", "KVP0014", "not static"),
        new("catalog not partial", "[PolicyCatalog] public static class [|C|] { }", "KVP0014", "not partial"),
        new("catalog generic", "[PolicyCatalog] public static partial class [|C|]<T>;", "KVP0014", "generic"),
        new("catalog file-local", "[PolicyCatalog] file static partial class [|C|];", "KVP0014", "file-local"),
        new("catalog's own list", "[PolicyCatalog] public static partial class [|C|] { public static int All; }", "KVP0014", "declaring its member All"),
        new("catalog named like its list", "[PolicyCatalog] public static partial class [|All|];", "KVP0014", "named like its member"),
        new("catalog nested", "public static partial class Outer { [PolicyCatalog] public static partial class [|C|]; }", "KVP0014", "nested"),
    ];

    private static DiagnosticCase Param(string name, string parameters, string id, string says)
        => new(name, $"[KvPolicy, Prefill] public partial class P {{ public static float Score({parameters}) => 1f; }}", id, says);

    private static DiagnosticCase Axis(string name, string axes, string id, string says)
        => new(name, $"[KvPolicy, {axes}] public partial class P {{ {Hook} }}", id, says);
}
