using System.Buffers.Binary;
using System.Globalization;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading.Llama2c;

/// <summary>
/// Finds the tokenizer of a llama2.c model: the given file, else tokenizer.bin beside it, else the only other .bin there of a tokenizer's form.
/// </summary>
internal static class Llama2cTokenizerFile
{
    internal static ITextTokenizer Load(string model, string? given, int vocabulary) => given is null
        ? TokenizerFactory.FromLlama2c(Find(model, vocabulary), vocabulary)
        : NamedTokenizer.Load(given, vocabulary);

    private static string Find(string model, int vocabulary)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        string usual = Path.Combine(folder, "tokenizer.bin");
        if (File.Exists(usual)) return usual;
        string own = Path.GetFullPath(model);
        string[] found = [.. Candidates(folder).Where(f => f != own && HasForm(f, vocabulary))];
        return found.Length switch
        {
            1 => found[0],
            0 => throw LoadError.Of(model, "tokenizer", $"there is no tokenizer.bin of {vocabulary} tokens beside the model",
                "name one (--tokenizer FILE)"),
            _ => throw LoadError.Of(model, "tokenizer",
                $"{Path.GetFileName(found[0])} and {Path.GetFileName(found[1])} both look like its tokenizer", "name one (--tokenizer FILE)"),
        };
    }

    private static IEnumerable<string> Candidates(string folder)
    {
        try
        {
            return Directory.EnumerateFiles(folder, "*.bin").Order(StringComparer.Ordinal).ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>True where a file is a whole llama2.c tokenizer of so many tokens: longest length, then score, length and bytes of each.</summary>
    internal static bool HasForm(string path, int vocabulary)
    {
        try
        {
            using MappedBytes bytes = MappedBytes.Open(path);
            return HasForm(bytes, vocabulary);
        }
        catch (ModelFormatException)
        {
            return false;
        }
    }

    private static bool HasForm(MappedBytes bytes, int vocabulary)
    {
        if (bytes.Length < 4) return false;
        int longest = BinaryPrimitives.ReadInt32LittleEndian(bytes.Span(0, 4));
        long at = 4;
        for (int i = 0; i < vocabulary; i++)
        {
            if (bytes.Length - at < 8) return false;
            float score = BinaryPrimitives.ReadSingleLittleEndian(bytes.Span(at, 4));
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes.Span(at + 4, 4));
            if (float.IsNaN(score) || length < 0 || length > longest || length > bytes.Length - at - 8) return false;
            at += 8 + length;
        }
        return at == bytes.Length;
    }
}
