using CsCheck;
using KvPolicy.Generators.Tests.Support;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Tests.Pipeline;

/// <summary>Source while it is typed: whatever does not parse or bind yet, neither the generator nor an analyzer breaks.</summary>
public class UnfinishedSourceTests
{
    private const string Whole = Harness.Usings + """
        namespace Authored;
        /// <summary>One <see cref="Score"/> &amp; (arXiv:1234.56789).</summary>
        [KvPolicy, Prefill(Unit.Chunk, Keep = 0.5f, Chunk = 8), Decode(Of = Base.All, Tokens = 3), Observe(Rows.Last, 8, Reduce = Reduce.Sum)]
        [Pool(Pooling.Max, 5), Share(Scope.Layer, Reduce.Mean), Protect(Sinks = 4, RecentShare = 0.5f)]
        public sealed partial class One
        {
            /// <param name="beta">Weight.</param>
            public static float ScorePrefill(float attention, int position, [Range(1, 9)] float beta = 2f) => attention * beta + Math.Max(position, 3);
            public static float ScoreDecode([Observe(Rows.All)] float attention, float keyNorm, int count = 3) => keyNorm switch { > 0f => attention, _ => count };
        }
        [PolicyCatalog] public static partial class All;
        """;

    private static readonly string[] Snippets = ["", "", "", "(", ")", "[", "]", "{", "}", "<T>", "\"", "/*", "///", "=", ";", ",", "static", "float", "null", "-1", "1e99f", "@", "partial", "record"];

    [Fact]
    public void The_generator_survives_every_edit() => Edits.Sample(source =>
    {
        GeneratorRunResult result = Harness.Driver().RunGenerators(Harness.Compile(source)).GetRunResult().Results.Single();
        Assert.Null(result.Exception);
    }, iter: 400, threads: 1);

    [Fact]
    public async Task The_analyzers_survive_every_edit()
    {
        foreach (string source in Edits.Array[60].Single())
            Assert.DoesNotContain(await Harness.Diagnostics(source), diagnostic => diagnostic.Id == "AD0001");
    }

    // A piece of the source is replaced by another: often nothing, often half a token.
    private static Gen<string> Edits => Gen.Select(Gen.Int[0, Whole.Length - 1], Gen.Int[0, 12], Gen.Int[0, Snippets.Length - 1], (at, length, snippet) => Whole[..at] + Snippets[snippet] + Whole[Math.Min(Whole.Length, at + length)..]);
}
