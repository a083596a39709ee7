using KvPolicy.Inference.Hub;

namespace KvPolicy.Inference.Tests.Hub;

/// <summary>Which files of a repository are fetched.</summary>
public class FileChoiceTests
{
    private static FileChoice Of(string model, params string[] names) => FileChoice.Of(HubModel.Parse(model), names);

    private static string Refused(string model, params string[] names) => Assert.Throws<HubException>(() => Of(model, names)).Message;

    [Fact]
    public void A_folder_is_what_the_loader_reads_weights_last()
    {
        FileChoice choice = Of("o/n", "README.md", "model.safetensors", "config.json", "tokenizer.json", "pytorch_model.bin", "flax_model.msgpack", "onnx/model.onnx",
            "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "chat_template.jinja", "chat_templates/x", "model.q4.gguf",
            "model.safetensors.index.json", "consolidated.00.pth", "vocab.json", "sub/config.json", "training_args.bin", "added_tokens.json");
        Assert.Equal(
            [
                "config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
                "added_tokens.json", "chat_template.jinja", "model.safetensors",
            ], choice.Files);
        Assert.Null(choice.Gguf);
        Assert.False(choice.NeedsIndex);
    }

    [Fact]
    public void An_index_says_which_weights_there_are()
    {
        FileChoice choice = Of("o/n", "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "consolidated.safetensors");
        Assert.True(choice.NeedsIndex);
        Assert.Equal(["config.json", "model.safetensors.index.json"], choice.Files);
    }

    [Fact]
    public void One_GGUF_needs_no_name()
    {
        FileChoice choice = Of("o/n", "README.md", "m-Q8_0.gguf", "mmproj-model-f16.gguf", "m.imatrix.gguf");
        Assert.Equal(["m-Q8_0.gguf"], choice.Files);
        Assert.Equal("m-Q8_0.gguf", choice.Gguf);
    }

    [Fact]
    public void Of_several_one_must_be_named()
    {
        string message = Refused("o/n", "b-Q8_0.gguf", "a-Q4_K_M.gguf");
        Assert.Contains("2 GGUF files; name one of a-Q4_K_M.gguf, b-Q8_0.gguf", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_named_GGUF_comes_before_the_folder()
    {
        string[] names = ["config.json", "model.safetensors", "m-Q8_0.gguf", "m-Q4_0.gguf"];
        Assert.Null(Of("o/n", names).Gguf);
        Assert.Equal("m-Q4_0.gguf", Of("o/n:m-Q4_0.gguf", names).Gguf);
        Assert.Equal("m-Q8_0.gguf", Of("o/n:Q8_0", names).Gguf);
        Assert.Contains("has no file x.gguf at main; name one of m-Q4_0.gguf, m-Q8_0.gguf", Refused("o/n:x.gguf", names), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Q4_K_M", "m-Q4_K_M.gguf")]
    [InlineData("q4_k", "m-Q4_K.gguf")]
    [InlineData("IQ4_XS", "m.IQ4_XS.gguf")]
    [InlineData("Q4_1", "m_Q4_1.gguf")]
    [InlineData("BF16", "BF16/m-00001-of-00002.gguf")]
    public void A_quantization_is_a_whole_word_of_the_name(string quantization, string expected)
        => Assert.Equal(expected, Of($"o/n:{quantization}", "m-Q4_K_M.gguf", "m-Q4_K.gguf", "m.IQ4_XS.gguf", "m_Q4_1.gguf", "BF16/m-00001-of-00002.gguf", "BF16/m-00002-of-00002.gguf").Gguf);

    [Fact]
    public void A_quantization_of_none_or_of_two_lists_them()
    {
        Assert.Contains("no GGUF of o/n is Q4; name one of m-Q4_0.gguf, m-Q4_1.gguf", Refused("o/n:Q4", "m-Q4_0.gguf", "m-Q4_1.gguf"), StringComparison.Ordinal);
        Assert.Contains("more than one GGUF of o/n is Q4_0; name one of a-Q4_0.gguf, b-Q4_0.gguf", Refused("o/n:Q4_0", "a-Q4_0.gguf", "b-Q4_0.gguf", "c-Q8_0.gguf"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_split_GGUF_comes_with_all_its_parts_the_first_last()
    {
        string[] names = ["q/m-00001-of-00003.gguf", "q/m-00002-of-00003.gguf", "q/m-00003-of-00003.gguf"];
        FileChoice choice = Of("o/n", names);
        Assert.Equal([names[1], names[2], names[0]], choice.Files);
        Assert.Equal(names[0], choice.Gguf);
        Assert.Contains("name the first, q/m-00001-of-00003.gguf", Refused("o/n:q/m-00002-of-00003.gguf", names), StringComparison.Ordinal);
        Assert.Contains("q/m-00002-of-00003.gguf is not in o/n", Refused("o/n", names[0], names[2]), StringComparison.Ordinal);
        Assert.Contains("m-00002-of-99999.gguf is not in o/n", Refused("o/n", "m-00001-of-99999.gguf"), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_form_that_loads_the_message_says_what_there_is()
    {
        Assert.Contains("(it has pytorch_model.bin)", Refused("o/n", "config.json", "pytorch_model.bin", "tokenizer.json"), StringComparison.Ordinal);
        Assert.Contains("neither config.json with model.safetensors", Refused("o/n"), StringComparison.Ordinal);
        Assert.Contains("it has no GGUF at all", Refused("o/n:Q8_0", "config.json"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../m.gguf")]
    [InlineData("/m.gguf")]
    [InlineData("a/../../m.gguf")]
    [InlineData("c:m.gguf")]
    [InlineData("a\\m.gguf")]
    [InlineData("a//m.gguf")]
    [InlineData("./m.gguf")]
    public void Names_that_lead_outside_are_never_taken(string name) => Assert.Contains("leads out of", Refused("o/n", name), StringComparison.Ordinal);

    [Theory]
    [InlineData("chat_template.jinja/../../x")]
    [InlineData("chat_template\\..\\x")]
    public void Nor_by_way_of_a_prefix(string name) => Assert.DoesNotContain(name, Of("o/n", "config.json", "model.safetensors", name).Files);
}
