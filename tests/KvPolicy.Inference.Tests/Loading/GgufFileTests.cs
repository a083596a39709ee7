using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public class GgufFileTests
{
    [SkippableFact]
    public void Metadata_of_a_real_file_is_what_its_readme_lists()
    {
        using GgufFile file = GgufFile.Open(SharedData.Model("SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        Assert.Equal(33, file.Metadata.Keys.Count());
        Assert.Equal(272, file.Tensors.Count);
        Assert.Equal(1785664, file.DataStart);
        Assert.True(file.Metadata.TryGetString("tokenizer.ggml.pre", out string pre));
        Assert.Equal("smollm", pre);
        Assert.True(file.Metadata.TryGetUInt("tokenizer.ggml.eos_token_id", out uint eos));
        Assert.Equal(2u, eos);
        Assert.True(file.Metadata.TryGetFloat("llama.rope.freq_base", out float theta));
        Assert.Equal(100000f, theta);
        Assert.True(file.Metadata.TryGetBool("tokenizer.ggml.add_bos_token", out bool bos));
        Assert.False(bos);
        string[] tokens = file.Metadata.GetStringArray("tokenizer.ggml.tokens")!;
        Assert.Equal(49152, tokens.Length);
        Assert.Equal("<|im_end|>", tokens[2]);
        Assert.Equal(17, file.Metadata.GetIntArray("tokenizer.ggml.token_type")!.Count(t => t == 3));
        Assert.Null(file.Metadata.GetFloatArray("tokenizer.ggml.scores"));
    }

    [SkippableFact]
    public void A_vocabulary_alone_has_no_tensors()
    {
        using GgufFile file = GgufFile.Open(SharedData.Model("tokenizers", "ggml-vocab", "ggml-vocab-llama-spm.gguf"));
        Assert.Empty(file.Tensors);
        Assert.Equal(32000, file.Metadata.GetFloatArray("tokenizer.ggml.scores")!.Length);
    }
}
