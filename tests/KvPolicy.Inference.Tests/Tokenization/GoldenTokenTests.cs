using System.Globalization;
using System.Text.Json;
using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>Ids that other people's tokenizers gave: Hugging Face's for the model folders, llama.cpp's for the vocabularies, llama2.c's for its
/// own.</summary>
public class GoldenTokenTests
{
    private static readonly EncodeOptions AsRun = new(ParseSpecial: true, AddSpecial: true);
    private static readonly EncodeOptions Bare = new(ParseSpecial: true, AddSpecial: false);

    [SkippableTheory]
    [InlineData("llama")]
    [InlineData("llama3-rope")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void Folders_give_the_ids_and_texts_of_Hugging_Face(string model)
    {
        string folder = SharedData.Model("tiny", model);
        ITextTokenizer tokenizer = TokenizerFactory.FromFolder(folder);
        using JsonDocument golden = Json(folder, "goldens.json");
        int texts = 0;
        foreach (JsonElement entry in golden.RootElement.GetProperty("tokenization").EnumerateArray())
        {
            string text = entry.GetProperty("text").GetString()!;
            Assert.Equal(Ids(entry, "ids"), TestText.Ids(tokenizer.Encode(text, Bare)));
            Assert.Equal(Ids(entry, "ids_with_special"), TestText.Ids(tokenizer.Encode(text, AsRun)));
            Assert.Equal(entry.GetProperty("decoded").GetString(), tokenizer.Decode(Ids(entry, "ids"), skipSpecial: false));
            texts++;
        }
        Assert.InRange(texts, 10, int.MaxValue);
    }

    [SkippableTheory]
    [InlineData("deepseek-coder")]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    [InlineData("phi-3")]
    [InlineData("starcoder")]
    public void Vocabularies_give_the_ids_of_llama_cpp(string name)
    {
        string file = SharedData.Model("tokenizers", "ggml-vocab", $"ggml-vocab-{name}.gguf");
        ITextTokenizer tokenizer = FromGguf(file);
        string[] texts = File.ReadAllText(file + ".inp").Split("\n__ggml_vocab_test__\n");
        string[] golden = File.ReadAllText(file + ".out").Split('\n');
        for (int i = 0; i < texts.Length; i++)
        {
            int[] ids = [.. golden[i].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture))];
            Assert.Equal(ids, TestText.Ids(tokenizer.Encode(texts[i], Bare)));
            Assert.Equal(texts[i], tokenizer.Decode(ids, skipSpecial: true));
        }
    }

    [SkippableFact]
    public void SmolLM2_gives_the_ids_and_texts_of_Hugging_Face()
    {
        ITextTokenizer tokenizer = FromGguf(SharedData.Model("SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        using JsonDocument golden = Json(SharedData.Model("SmolLM2-135M-Instruct"), "golden.json");
        foreach (JsonElement entry in golden.RootElement.GetProperty("tokenization").EnumerateArray())
        {
            int[] ids = Ids(entry, "ids");
            Assert.Equal(ids, TestText.Ids(tokenizer.Encode(entry.GetProperty("text").GetString()!, AsRun)));
            Assert.Equal(entry.GetProperty("decoded").GetString(), tokenizer.Decode(ids, skipSpecial: false));
            Assert.Equal(entry.GetProperty("decoded_skip_special").GetString(), tokenizer.Decode(ids, skipSpecial: true));
        }
        foreach (JsonElement prompt in golden.RootElement.GetProperty("prompts").EnumerateArray())
        {
            Assert.Equal(Ids(prompt, "ids"), TestText.Ids(tokenizer.Encode(prompt.GetProperty("text").GetString()!, AsRun)));
        }
        Assert.Equal([0, 2], tokenizer.EndIds);
        Assert.Equal(49152, tokenizer.VocabularySize);
    }

    [SkippableFact]
    public void Quantised_files_give_the_ids_of_Hugging_Face()
    {
        string folder = SharedData.Model("quants");
        using JsonDocument golden = Json(folder, "goldens.json");
        foreach (JsonElement file in golden.RootElement.GetProperty("files").EnumerateArray())
        {
            ITextTokenizer tokenizer = FromGguf(Path.Combine(folder, file.GetProperty("file").GetString()!));
            foreach (JsonElement entry in file.GetProperty("tokenization").EnumerateArray())
            {
                string text = entry.GetProperty("text").GetString()!;
                Assert.Equal(Ids(entry, "ids"), TestText.Ids(tokenizer.Encode(text, Bare)));
                Assert.Equal(text, tokenizer.Decode(Ids(entry, "ids"), skipSpecial: false));
            }
        }
    }

    [SkippableFact]
    public void The_embedded_models_prompts_begin_with_its_bos()
    {
        string folder = SharedData.Model("kvpolicy-tiny");
        ITextTokenizer tokenizer = TokenizerFactory.FromFolder(folder);
        using JsonDocument golden = Json(folder, "golden.json");
        foreach (JsonElement entry in golden.RootElement.EnumerateArray())
        {
            Assert.Equal(Ids(entry, "ids"), TestText.Ids(tokenizer.Encode(entry.GetProperty("prompt").GetString()!, AsRun)));
            Assert.Equal(entry.GetProperty("answer").GetString(), tokenizer.Decode(Ids(entry, "answer_ids"), skipSpecial: true));
        }
        Assert.Equal([2], tokenizer.EndIds);
        Assert.Equal(1, tokenizer.BosId);
    }

    [SkippableFact]
    public void Llama2c_gives_its_own_ids_and_text()
    {
        ITextTokenizer tokenizer = TokenizerFactory.FromLlama2c(SharedData.Model("stories260K", "tok512.bin"), 512);
        using JsonDocument golden = Json(SharedData.Model("stories260K"), "golden.json");
        string prompt = golden.RootElement.GetProperty("prompt").GetString()!;
        int[] ids = Ids(golden.RootElement, "prompt_ids"), greedy = Ids(golden.RootElement, "greedy_ids");
        Assert.Equal(ids, TestText.Ids(tokenizer.Encode(prompt, AsRun)));
        Assert.Equal(prompt + golden.RootElement.GetProperty("greedy_text").GetString(), tokenizer.Decode([.. ids, .. greedy], skipSpecial: true));
        Assert.Equal([1, 2], tokenizer.EndIds);
    }

    internal static ITextTokenizer FromGguf(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return TokenizerFactory.FromGguf(file);
    }

    private static JsonDocument Json(string folder, string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, name)));

    private static int[] Ids(JsonElement entry, string name) => [.. entry.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
}
