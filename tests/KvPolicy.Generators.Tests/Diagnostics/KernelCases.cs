namespace KvPolicy.Generators.Tests.Diagnostics;

/// <summary>Hooks that no kernel can run, at least one for each diagnostic of <c>KernelSafetyAnalyzer</c>.</summary>
internal static class KernelCases
{
    public static IEnumerable<DiagnosticCase> All =>
    [
        Body("throw", "=> keyNorm > 0f ? keyNorm : [|throw new Exception(\"no\")|];", "KVP0101", "return a number"),
        Body("clamp", "=> [|Math.Clamp(keyNorm, 0f, 1f)|];", "KVP0101", "Math.Min and Math.Max"),
        Body("switch that falls through", "=> [|keyNorm switch { > 0f => 1f, < 0f => 2f }|];", "KVP0101", "'_ =>'"),
        Body("checked arithmetic", "=> checked([|(int)keyNorm * 2|]);", "KVP0101", "unchecked(...)", "KVP0101"),
        Body("try", "{ [|try { return keyNorm; } finally { }|] }", "KVP0102", "try"),
        Body("lock", "{ [|lock (typeof(P)) { return keyNorm; }|] }", "KVP0102", "lock"),
        Body("class instance", "{ return [|new P()|].GetHashCode(); }", "KVP0103", "new P", "KVP0105"),
        Body("array", "{ float[] [|a = [|new float[4]|]; return a[0]; }", "KVP0103", "an array", "KVP0106"),
        Body("string", "=> [|\"x\"|].Length;", "KVP0103", "a string"),
        Body("lambda", "{ Func<float> [|f = [|() => 1f|]; return f(); }", "KVP0103", "a delegate", "KVP0105", "KVP0106"),
        Body("boxing", "{ object [|o = [|keyNorm|]; return keyNorm; }", "KVP0103", "boxing", "KVP0106"),
        Body("static variable", "=> [|Total|] + keyNorm; private static float Total;", "KVP0104", "Total"),
        Body("static property", "=> [|Total|] + keyNorm; private static float Total { get; set; }", "KVP0104", "Total"),
        Body("library property", "=> [|DateTime.Now|].Second;", "KVP0107", "DateTime.Now"),
        Body("throwing operator of a struct", "=> (new S() + new S()).X; private struct S { public float X; public static S operator +(S a, S b) => [|throw new InvalidOperationException()|]; }", "KVP0101", "'op_Addition' throws"),
        Body("throwing getter of a struct", "=> new S().X; private struct S { public float X => [|throw new InvalidOperationException()|]; }", "KVP0101", "'get_X' throws"),
        Body("static array", "=> [|Table|][0]; private static readonly float[] Table = [1f];", "KVP0104", "Table"),
        Body("interface call", "=> [|((IComparable<float>)keyNorm).CompareTo(1f)|];", "KVP0105", "CompareTo", "KVP0103"),
        Body("decimal", "{ decimal [|d = 1m|]; return (float)d; }", "KVP0106", "decimal", "KVP0106"),
        Body("unknown library method", "=> [|MathF.FusedMultiplyAdd(keyNorm, 2f, 1f)|];", "KVP0107", "MathF.FusedMultiplyAdd"),
        Body("lerp", "=> [|float.Lerp(0f, 1f, keyNorm)|];", "KVP0107", "Lerp"),
        Body("closure", "{ return Twice(2f); [|float Twice(float y) => y * keyNorm;|] }", "KVP0103", "local function Twice reads keyNorm"),
        Body("memory on the stack", "{ Span<float> s = [|stackalloc float[4]|]; return s.Length; }", "KVP0103", "on the stack"),
        Body("name", "=> [|nameof(P)|].Length;", "KVP0103", "a string"),
        Body("recursion", "=> Half(keyNorm); private static float Half(float x) => x < 1f ? x : [|Half(x - 1f)|];", "KVP0107", "'Half' calls 'P.Half'"),
        Body("recursion by way of another", "=> One(keyNorm); private static float One(float x) => [|Two(x)|]; private static float Two(float x) => One(x);", "KVP0107", "'One' calls 'P.Two'", "KVP0107"),
        Body("helper that stays a call", "=> [|Twice(keyNorm)|]; [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)] private static float Twice(float x) => 2f * x;", "KVP0107", "'P.Twice'"),
        Body("comparison with a double", "=> [|keyNorm|] >= 0.5 ? 1f : 0f;", "KVP0108", "32 to 64 times"),
        Body("double of a library method", "=> Math.Abs([|(double)keyNorm|]) > 1 ? 1f : 0f;", "KVP0108", "32 to 64 times"),
        Body("unsigned number", "=> [|(uint)keyNorm >> 3|];", "KVP0108", "32 to 64 times"),
        Body("double", "=> (float)([|keyNorm * 2.0|]);", "KVP0108", "32 to 64 times"),
        Body("in a helper", "=> Helper(keyNorm); private static float Helper(float x) => [|Math.Clamp(x, 0f, 1f)|];", "KVP0101", "'Helper' throws"),
    ];

    /// <summary>Hooks of which nothing is said.</summary>
    public static TheoryData<string> Fine => new()
    {
        "=> Part((int)-1, keyNorm); private static float Part(int x, float y) => checked(x / 2 + y) + checked(x % 3);",
        "=> -keyNorm;",
        "=> MathF.Exp(Math.Max(keyNorm, 1f)) / 3 + MathF.Sqrt(2f) - int.Min(3, 4);",
        "{ float sum = 0f; for (int i = 0; i < 4; i++) { sum += keyNorm; if (sum > 9f) break; } return sum; }",
        "=> keyNorm switch { > 1f => 1f, _ => keyNorm };",
        "=> Pair(keyNorm).Most; private static (float Least, float Most) Pair(float x) => (-x, x);",
        "=> Local(keyNorm); private const float Two = 2f; private static readonly float Three = 3f; private static float Local(float x) { return Inner(x) * Two + Three; static float Inner(float y) => y + 1f; }",
        "=> -keyNorm; public static string Name() { try { return new string('x', 3) + 1m; } catch (Exception) { throw; } }",
        "=> Two + new S(keyNorm).X; private static float Two => 2f; private readonly struct S(float x) { public float X => x; }",
        "=> float.IsNaN(keyNorm) ? 0f : keyNorm;",
        "=> keyNorm * (float)(0.5 + 1);",
        "{ return Twice(2f); static float Twice(float y) => 2f * y; }",
        "{ const float Two = 2f; return Twice(2f); float Twice(float y) { float z = Two * y; return z; } }",
    };

    // Other ids may be said of the same mistake: a delegate is also a class and called through a table.
    private static DiagnosticCase Body(string name, string body, string id, string says, params string[] besides)
        => new(name, Source(body), string.Join(" ", besides.Prepend(id)), says);

    public static string Source(string body) => $"[KvPolicy, Prefill] public partial class P {{ public static float Score(float keyNorm) {body} }}";
}
