using System.Text.Json.Nodes;
using KvPolicy.Evaluation.Language;
using KvPolicy.Training.Model;

namespace KvPolicy.Training.Files;

/// <summary>The trained model as a Hugging Face folder: f16 weights, tokenizer, configuration, card.</summary>
internal static class ModelFolder
{
    private const string WeightsFile = "model.safetensors";

    /// <summary>Files by name, as they go into the resources of the inference library.</summary>
    internal static void Write(string folder, Weights weights, string card)
    {
        Directory.CreateDirectory(folder);
        Dictionary<string, float[]> values = weights.Values();
        IEnumerable<NamedTensor> tensors = weights.Specs.Select(spec => spec.Kind is Model.ParameterKind.Embedding or Model.ParameterKind.Head
            ? new NamedTensor(spec.Name, [LexiconTokenizer.Vocabulary.Count, TinyModel.Hidden], WholeVocabulary(values[spec.Name]))
            : new NamedTensor(spec.Name, spec.Shape, values[spec.Name]));
        SafetensorsFile.Write(Path.Combine(folder, WeightsFile), tensors, new Dictionary<string, string> { ["format"] = "pt" }, half: true);
        WholeFile.Write(Path.Combine(folder, "tokenizer.json"), LexiconTokenizer.ToJson());
        WholeFile.Write(Path.Combine(folder, "config.json"), Text(Config()));
        WholeFile.Write(Path.Combine(folder, "generation_config.json"), Text(new JsonObject(SpecialIds()) { ["do_sample"] = false }));
        WholeFile.Write(Path.Combine(folder, "tokenizer_config.json"), Text(TokenizerConfig()));
        WholeFile.Write(Path.Combine(folder, "README.md"), card);
    }

    /// <summary>Weights with the whole vocabulary; the row of a word is its id.</summary>
    internal static Weights Read(string folder)
    {
        SafetensorsFile file = SafetensorsFile.Read(Path.Combine(folder, WeightsFile));
        int vocabulary = LexiconTokenizer.Vocabulary.Count;
        Dictionary<string, float[]> values = ParameterSpec.All(vocabulary).ToDictionary(spec => spec.Name, spec => file.Values(spec.Name));
        return new Weights(vocabulary, values, trainable: false);
    }

    /// <summary>Rows of the words at their ids; the ids that training never saw get the words' mean, so that none of them stands out.</summary>
    private static float[] WholeVocabulary(float[] words)
    {
        const int H = TinyModel.Hidden;
        double[] mean = new double[H];
        for (int i = 0; i < words.Length; i++) mean[i % H] += words[i] / (double)TinyModel.Words;
        float[] all = new float[LexiconTokenizer.Vocabulary.Count * H];
        for (int i = 0; i < all.Length; i++) all[i] = (float)mean[i % H];
        int[] ids = LexiconTokenizer.WordIds();
        for (int word = 0; word < ids.Length; word++) words.AsSpan(word * H, H).CopyTo(all.AsSpan(ids[word] * H, H));
        return all;
    }

    private static JsonObject Config() => new(SpecialIds())
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = "llama",
        ["vocab_size"] = LexiconTokenizer.Vocabulary.Count,
        ["hidden_size"] = TinyModel.Hidden,
        ["intermediate_size"] = TinyModel.FeedForward,
        ["num_hidden_layers"] = TinyModel.Layers,
        ["num_attention_heads"] = TinyModel.QueryHeads,
        ["num_key_value_heads"] = TinyModel.KvHeads,
        ["head_dim"] = TinyModel.HeadSize,
        ["hidden_act"] = "silu",
        ["max_position_embeddings"] = TinyModel.Positions,
        ["rms_norm_eps"] = TinyModel.Epsilon,
        ["rope_theta"] = TinyModel.Theta,
        ["attention_bias"] = false,
        ["mlp_bias"] = false,
        ["tie_word_embeddings"] = false,
        ["torch_dtype"] = "float16",
    };

    private static JsonObject TokenizerConfig() => new()
    {
        ["tokenizer_class"] = "PreTrainedTokenizerFast",
        ["bos_token"] = Lexicon.Bos,
        ["eos_token"] = Lexicon.Sep,
        ["pad_token"] = Lexicon.Pad,
        ["model_max_length"] = TinyModel.Positions,
        ["add_bos_token"] = true,
        ["clean_up_tokenization_spaces"] = false,
    };

    private static Dictionary<string, JsonNode?> SpecialIds() => new()
    {
        ["bos_token_id"] = Array.IndexOf(Lexicon.Specials, Lexicon.Bos),
        ["eos_token_id"] = Array.IndexOf(Lexicon.Specials, Lexicon.Sep),
        ["pad_token_id"] = Array.IndexOf(Lexicon.Specials, Lexicon.Pad),
    };

    private static string Text(JsonObject json) =>
        json.ToJsonString(new System.Text.Json.JsonSerializerOptions { WriteIndented = true, NewLine = "\n" }) + "\n";
}
