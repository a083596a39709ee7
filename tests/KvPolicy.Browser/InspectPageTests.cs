using System.Diagnostics;
using System.Globalization;
using KvPolicy.Browser.Support;
using KvPolicy.Cli.Output.Inspections;
using KvPolicy.Inference;
using PuppeteerSharp;
using PuppeteerSharp.Media;
using Xunit.Abstractions;

namespace KvPolicy.Browser;

/// <summary>The page of <c>kvpolicy inspect</c>, written by the program itself, opened from its file and used as a person would.</summary>
public sealed class InspectPageTests(Chromium chromium, ITestOutputHelper output) : IClassFixture<Chromium>, IDisposable
{
    private const string Prompt = " Q : flag of desia ? [ blue gold teal pink ] A : desia pink .<sep> Q : flag of norin ? [ blue gold teal pink ] A : norin blue .<sep>"
        + " Q : flag of velin ? [ blue gold teal pink ] A : velin teal .<sep> Q : flag of desia ? [ blue gold teal pink ] A :";

    private static readonly string[] Drawn = ["--special", "--prompt", Prompt, "--shots", "<sep>", "--max-tokens", "14", "--temperature", "9", "--seed", "2"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private InspectedRun Run(params string[] words) => InspectedRun.Make(_folder["page.html"], words);

    [Theory]
    [InlineData("ShotKv", "0.7")]
    [InlineData("SnapKv", "0.5", "--set", "window=8", "--set", "recent=8")]
    [InlineData("H2O", "0.4")]
    public async Task Every_layer_and_head_shows_what_the_JSON_says(string policy, string keep, params string[] more)
    {
        InspectedRun run = Run([.. Drawn, "--policy", policy, "--keep", keep, .. more]);
        Assert.True(run.CachedTokens > run.PromptTokens + 5, "the model ended its turn too early for this test");
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        for (int layer = 0; layer < run.Layers; layer++)
        {
            for (int head = 0; head < run.KvHeads; head++)
            {
                await page.Choose(layer, head);
                await AssertShows(page, run, layer, head);
            }
        }

        await page.Picture($"{policy}");
        page.AssertQuiet(run.Page);
    }

    private static async Task AssertShows(OpenPage page, InspectedRun run, int layer, int head)
    {
        int[] kept = run.Positions(layer, head, "kept"), end = run.Positions(layer, head, "keptEnd");
        Assert.Equal(kept, await page.Positions("prefill", ".kept"));
        Assert.Equal(end, await page.Positions("end", ".kept"));
        Assert.Equal(run.Positions(layer, head, "protected"), await page.Positions("prefill", ".protected"));
        Assert.Equal(run.Positions(layer, head, "protectedEnd"), await page.Positions("end", ".protected"));
        Assert.Equal(Enumerable.Range(0, run.PromptTokens).Except(kept), await page.Positions("prefill", ".gone"));
        // The decode's evictions: what stood in the cache after the prefill or came in later, and is not there at the end.
        Assert.Equal(kept.Concat(Enumerable.Range(run.PromptTokens, run.CachedTokens - run.PromptTokens)).Except(end), await page.Positions("end", ".late"));
        Assert.Equal(Enumerable.Range(0, run.PromptTokens).Except(kept), await page.Positions("end", ".gone"));
        Assert.Equal(Enumerable.Range(run.CachedTokens, run.Texts.Length - run.CachedTokens), await page.Positions("end", ".uncached"));
        Assert.Equal(run.Scores(layer, head).Index().Where(score => score.Item is null).Select(score => score.Index), await page.Positions("prefill", ".none"));
        string said = await page.Get<string>("document.querySelector('#layer').getAttribute('aria-valuetext') + ' | ' + document.querySelector('#head').getAttribute('aria-valuetext')");
        Assert.Equal($"{layer} (0 to {run.Layers - 1}) | {head} (0 to {run.KvHeads - 1})", said);
    }

    [Fact]
    public async Task Shots_are_outlined_with_their_numbers_in_both_phases()
    {
        InspectedRun run = Run([.. Drawn, "--policy", "ShotKv", "--keep", "0.7"]);
        int[] shots = [.. run.Shots.Where(shot => shot >= 0).Distinct()];
        Assert.Equal([0, 1, 2], shots);
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        await page.Choose(1, 0);
        foreach (string panel in new[] { "prefill", "end" })
        {
            Assert.Equal(shots, await page.Get<int[]>($"[...document.querySelectorAll('#{panel} .shot')].map(shot => Number(shot.dataset.shot))"));
            foreach (int shot in shots)
            {
                int[] inside = await page.Get<int[]>($"[...document.querySelectorAll('#{panel} .shot[data-shot=\"{shot}\"] .t')].map(token => Number(token.dataset.i))");
                Assert.Equal(run.Shots.Index().Where(token => token.Item == shot).Select(token => token.Index), inside);
                int kept = inside.Intersect(run.Positions(1, 0, panel == "end" ? "keptEnd" : "kept")).Count();
                string label = await page.Get<string>($"document.querySelector('#{panel} .shot[data-shot=\"{shot}\"] .label').textContent");
                Assert.Equal($"shot {shot}: {(kept == inside.Length ? "kept" : kept == 0 ? "dropped" : $"{kept} of {inside.Length} tokens kept")}", label);
                string border = await page.Get<string>($"getComputedStyle(document.querySelector('#{panel} .shot[data-shot=\"{shot}\"]')).borderTopStyle");
                Assert.Equal(kept == 0 ? "dashed" : "solid", border);
            }
        }
    }

    [Fact]
    public async Task The_keyboard_reaches_everything_and_tells_of_each_token()
    {
        InspectedRun run = Run([.. Drawn, "--policy", "H2O", "--keep", "0.4"]);
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        var stops = new List<string>();
        for (int i = 0; i < 5; i++)
        {
            await page.Press("Tab");
            stops.Add(await page.Get<string>("document.activeElement.id || document.activeElement.name"));
        }

        Assert.Equal(["layer", "head", "scale", "prefill", "end"], stops);
        await page.Page.FocusAsync("#prefill");
        Assert.Contains("position 0 ", await Detail(page), StringComparison.Ordinal);
        await page.Press("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft");
        await AssertDetail(page, run, "kept", 12);
        await page.Press("End");
        await AssertDetail(page, run, "kept", run.PromptTokens - 1);
        Assert.Equal($"prefill-{run.PromptTokens - 1}", await page.Get<string>("document.querySelector('#prefill').getAttribute('aria-activedescendant')"));
        await page.Page.FocusAsync("#end");
        await page.Press("End");
        Assert.Contains("not in the cache", await Detail(page), StringComparison.Ordinal);
        page.AssertQuiet(run.Page);
    }

    [Fact]
    public async Task Pointing_at_a_token_tells_its_id_position_score_and_rank()
    {
        InspectedRun run = Run([.. Drawn, "--policy", "H2O", "--keep", "0.4"]);
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        foreach (int position in new[] { 0, 7, 40 })
        {
            await page.Page.HoverAsync($"#prefill-{position}");
            await AssertDetail(page, run, "kept", position);
        }
    }

    private static Task<string> Detail(OpenPage page) => page.Get<string>("document.querySelector('#detail').textContent.replace(/\\s+/g, ' ')");

    // Layer 0, head 0.
    private static async Task AssertDetail(OpenPage page, InspectedRun run, string set, int position)
    {
        string detail = await Detail(page);
        double?[] scores = run.Scores(0, 0);
        Assert.Contains($"position {position} ", detail, StringComparison.Ordinal);
        Assert.Contains($"id {run.Json.GetProperty("tokens")[position].GetProperty("id").GetInt32()} ", detail, StringComparison.Ordinal);
        string rank = scores[position] is { } own ? $"rank {scores.Count(score => score > own) + 1} of {scores.Count(score => score is not null)} " : "score none ";
        Assert.Contains(rank, detail, StringComparison.Ordinal);
        if (scores[position] is { } shown)
        {
            string number = detail.Split("score ")[1].Split(' ')[0];
            Assert.Equal(shown, double.Parse(number, CultureInfo.InvariantCulture), Math.Abs(shown) * 1e-3);
        }

        int keepers = Enumerable.Range(0, run.Layers * run.KvHeads).Count(row => run.Positions(row / run.KvHeads, row % run.KvHeads, set).Contains(position));
        Assert.Contains($"kept by {keepers} of {run.Layers * run.KvHeads} heads", detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_cache_has_no_scores_to_shade_by_and_nothing_dropped()
    {
        InspectedRun run = Run("--prompt", " Q : flag of desia ?", "--max-tokens", "0");
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        foreach (string panel in new[] { "prefill", "end" })
        {
            Assert.Equal(Enumerable.Range(0, run.PromptTokens), await page.Positions(panel, ".kept.none"));
            Assert.Empty(await page.Positions(panel, ".protected"));
        }

        Assert.Equal("rank,log,linear", await page.Get<string>("[...document.getElementsByName('scale')].filter(scale => scale.disabled).map(scale => scale.value).join()"));
        Assert.Equal("no scores", await page.Get<string>("document.querySelector('#least').textContent"));
        Assert.StartsWith("Nothing was decoded", await page.Get<string>("document.querySelector('#end-words').textContent"), StringComparison.Ordinal);
        page.AssertQuiet(run.Page);
    }

    [Fact]
    public async Task One_layer_of_one_head_leaves_nothing_to_slide()
    {
        Inspection seen = Synthetic.Inspection(64, generated: 4, layers: 1, heads: 1);
        await using (FileStream stream = File.Create(_folder["one.html"])) InspectionPage.Write(stream, seen, "synthetic", 0, 0);
        await using OpenPage page = await OpenPage.Of(chromium, _folder["one.html"]);
        Assert.True(await page.Get<bool>("document.querySelector('#layer').disabled && document.querySelector('#head').disabled"));
        Assert.Equal(seen.Heads[0][0].Kept, await page.Positions("prefill", ".kept"));
        page.AssertQuiet(_folder["one.html"]);
    }

    [Fact]
    public async Task A_click_into_the_overview_chooses_layer_head_and_token()
    {
        InspectedRun run = Run([.. Drawn, "--policy", "H2O", "--keep", "0.4"]);
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        double[] size = await page.Get<double[]>("(() => { const c = document.querySelector('#map-end'); return [c.clientWidth, c.clientHeight]; })()");
        const int Gutter = 34, Row = 5, Position = 50;
        await page.ClickAt("#map-end", Gutter + (size[0] - Gutter) * (Position + 0.5) / run.Texts.Length, size[1] * (Row + 0.5) / (run.Layers * run.KvHeads));
        await page.Shows($"{Row / run.KvHeads}/{Row % run.KvHeads}/rank");
        Assert.Equal(Position, Assert.Single(await page.Positions("end", ".active")));
        Assert.Equal($"{Row / run.KvHeads}", await page.Get<string>("document.querySelector('#layer').value"));
    }

    [Fact]
    public async Task Scales_shade_anew_and_scores_below_0_have_no_logarithm()
    {
        InspectedRun run = Run([.. Drawn, "--policy", "H2O", "--keep", "0.4"]);
        await using (OpenPage page = await OpenPage.Of(chromium, run.Page))
        {
            var shades = new List<string>();
            foreach (string scale in new[] { "rank", "log", "linear" })
            {
                await page.Page.ClickAsync($"input[value={scale}]");
                await page.Shows($"0/0/{scale}");
                shades.Add(await page.Get<string>("[...document.querySelectorAll('#prefill .t')].map(token => token.className).join()"));
                // The best score has the last step, the least the first, on every scale.
                double?[] scores = run.Scores(0, 0);
                Assert.Contains(Array.IndexOf(scores, scores.Max()), await page.Positions("prefill", ".s15"));
                Assert.Contains(Array.IndexOf(scores, scores.Min()), await page.Positions("prefill", ".s0"));
            }

            Assert.Equal(3, shades.Distinct().Count());
            page.AssertQuiet(run.Page);
        }

        InspectedRun norms = Run([.. Drawn, "--policy", "KeyNorm", "--keep", "0.4"]);
        await using OpenPage negative = await OpenPage.Of(chromium, norms.Page);
        Assert.True(norms.Scores(0, 0).Min() < 0);
        Assert.Equal("log", await negative.Get<string>("[...document.getElementsByName('scale')].filter(scale => scale.disabled).map(scale => scale.value).join()"));
    }

    [Fact]
    public async Task Whatever_a_prompt_holds_is_shown_and_does_nothing()
    {
        const string Hostile = "<script>document.title='pwned';alert(1)</script><img src=x onerror=alert(2)> \"quotes\" 'single' & &amp; </script><!-- {{data}} \U0001F600\U0001F468\u200D\U0001F469 "
            + "\u05E9\u05DC\u05D5\u05DD \u0645\u0631\u062D\u0628\u0627\r\n\tnext\u2028line \u202Eesrever\u202C \u0007 \\u003c $& end";
        File.WriteAllText(_folder["prompt"], Hostile);
        InspectedRun run = Run("--prompt-file", _folder["prompt"], "--policy", "SnapKv", "--keep", "0.5", "--set", "window=8", "--set", "recent=8", "--max-tokens", "2");
        Assert.Contains(Hostile, string.Concat(run.Texts), StringComparison.Ordinal);
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        string[] shown = await page.Get<string[]>("[...document.querySelectorAll('#prefill .t')].map(token => token.textContent)");
        Assert.Equal(run.Texts.Take(run.PromptTokens).Select(VisibleText.Of), shown);
        string all = string.Concat(shown).Replace("\u00B7", "", StringComparison.Ordinal);
        Assert.Contains("<script>document.title='pwned';alert(1)</script><img src=x onerror=alert(2)> \"quotes\" 'single' & &amp; </script><!-- {{data}} \U0001F600", all, StringComparison.Ordinal);
        Assert.Contains("\u05E9\u05DC\u05D5\u05DD \u0645\u0631\u062D\u0628\u0627\u240D\u23CE\n\u21E5next\u2039U+2028\u203Aline \u2039U+202E\u203Aesrever", all, StringComparison.Ordinal);
        Assert.Equal("SnapKv on embedded", await page.Page.GetTitleAsync());
        Assert.Equal(0, await page.Get<int>("document.querySelectorAll('.tokens :not(span)').length + document.querySelectorAll('img').length"));
        Assert.Equal(2, await page.Get<int>("document.querySelectorAll('script').length"));
        await page.Picture("hostile");
        page.AssertQuiet(run.Page);
    }

    [Fact]
    public async Task A_script_that_is_not_the_page_s_own_does_not_run()
    {
        InspectedRun run = Run([.. Drawn, "--policy", "H2O", "--keep", "0.4"]);
        await File.WriteAllTextAsync(run.Page, (await File.ReadAllTextAsync(run.Page)).Replace("</body>", "<script>document.title = 'pwned'</script><img src='https://example.invalid/x.png'></body>", StringComparison.Ordinal));
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        Assert.Equal("H2O on embedded", await page.Page.GetTitleAsync());
        Assert.Equal(2, page.Complaints.Count(complaint => complaint.Contains("Content Security Policy", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Text_is_readable_in_light_and_in_dark()
    {
        InspectedRun run = Run([.. Drawn, "--policy", "ShotKv", "--keep", "0.7"]);
        await using OpenPage page = await OpenPage.Of(chromium, run.Page);
        var seen = new List<string>();
        foreach (string scheme in new[] { "light", "dark" })
        {
            await page.Page.EmulateMediaFeaturesAsync([new MediaFeatureValue { MediaFeature = MediaFeature.PrefersColorScheme, Value = scheme }]);
            await page.Page.WaitForFunctionAsync("scheme => matchMedia(`(prefers-color-scheme: ${scheme})`).matches", scheme);
            // The overview is drawn anew a frame later.
            await page.Page.EvaluateExpressionAsync("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))");
            seen.Add(await page.Get<string>("getComputedStyle(document.body).backgroundColor"));
            seen.Add(await page.Get<string>("document.querySelector('#map-prefill').toDataURL()"));
            foreach (string look in new[] { "kept", "gone", "late" })
            {
                double worst = await page.Page.EvaluateFunctionAsync<double>(WorstContrast, look);
                output.WriteLine($"{scheme}, {look}: worst contrast {worst:0.0}");
                Assert.True(worst >= 4.5, $"{scheme}, {look}: contrast {worst:0.00}");
            }

            await page.Picture($"ShotKv-{scheme}");
        }

        Assert.Equal(4, seen.Distinct().Count());
        page.AssertQuiet(run.Page);
    }

    // WCAG's contrast of a token's text against each step of the ramp.
    private const string WorstContrast = """
        look => {
          const draw = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
          const luminance = css => {
            draw.fillStyle = css;
            draw.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...draw.getImageData(0, 0, 1, 1).data].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const token = document.querySelector("#prefill .t"), before = token.className;
          let worst = Infinity;
          for (let step = 0; step < 16; step++) {
            token.className = `t s${step} ${look}`;
            const style = getComputedStyle(token), [a, b] = [luminance(style.color), luminance(style.backgroundColor)];
            worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
          }
          token.className = before;
          return worst;
        }
        """;

    [Fact]
    public async Task A_page_of_4000_tokens_30_layers_and_3_heads_answers()
    {
        const int Prompt = 4000, Layers = 30, Heads = 3;
        Inspection seen = Synthetic.Inspection(Prompt, generated: 40, Layers, Heads);
        string file = _folder["large.html"];
        long start = Stopwatch.GetTimestamp();
        await using (FileStream stream = File.Create(file)) InspectionPage.Write(stream, seen, "synthetic", 0, 0);
        output.WriteLine($"written in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s, {new FileInfo(file).Length / 1e6:0.0} MB");
        start = Stopwatch.GetTimestamp();
        await using OpenPage page = await OpenPage.Of(chromium, file);
        output.WriteLine($"opened and shown in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s");
        foreach ((int layer, int head) in new[] { (17, 2), (29, 0) })
        {
            start = Stopwatch.GetTimestamp();
            await page.Choose(layer, head);
            output.WriteLine($"layer {layer}, head {head} after {layer + head} steps of the sliders in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s");
            Assert.Equal(seen.Heads[layer][head].Kept, await page.Positions("prefill", ".kept"));
            Assert.Equal(seen.Heads[layer][head].KeptEnd, await page.Positions("end", ".kept"));
        }

        start = Stopwatch.GetTimestamp();
        await page.Page.ClickAsync("input[value=log]");
        await page.Shows("29/0/log");
        output.WriteLine($"another scale in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s");
        await page.Picture("large");
        page.AssertQuiet(file);
    }
}
