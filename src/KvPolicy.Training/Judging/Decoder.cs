using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Language;
using KvPolicy.Training.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training.Judging;

/// <summary>Runs the model on evaluation prompts, in words.</summary>
/// <param name="network">The model.</param>
/// <param name="rowOfWord">Row of the embedding and the head for each word of the lexicon.</param>
internal sealed class Decoder(Network network, int[] rowOfWord)
{
    private readonly Dictionary<long, string> _wordOfRow =
        Enumerable.Range(0, rowOfWord.Length).ToDictionary(i => (long)rowOfWord[i], i => Lexicon.All[i]);

    /// <summary>The most likely words behind a prompt, up to the blank line or the task's limit, as text.</summary>
    internal string Greedy(TaskPrompt prompt, int maxTokens)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        KeyValueCache cache = new();
        List<string> written = [];
        Tensor next = Ids(WordsOf(prompt));
        while (true)
        {
            Tensor hidden = network.Forward(next, cache);
            long best = network.Logits(hidden.narrow(1, hidden.shape[1] - 1, 1).squeeze(1)).argmax(-1).item<long>();
            string word = _wordOfRow.GetValueOrDefault(best, "?");
            written.Add(word);
            if (word == Lexicon.Sep || written.Count == maxTokens) return TaskPrompt.TextOf(written);
            next = tensor([best], [1, 1]);
        }
    }

    /// <summary>
    /// True where every word of the answer is the most likely one behind the prompt and the right words before it: the same as a right greedy
    /// answer, in one pass.
    /// </summary>
    internal bool IsAnswerMostLikely(TaskInstance instance)
    {
        using IDisposable noGradient = no_grad();
        using DisposeScope scope = NewDisposeScope();
        string[] prompt = WordsOf(instance.Prompt);
        string[] answer = [.. instance.AnswerWords];
        Tensor hidden = network.Forward(Ids([.. prompt, .. answer[..^1]])).squeeze(0);
        Tensor best = network.Logits(hidden.narrow(0, prompt.Length - 1, answer.Length)).argmax(-1);
        return best.data<long>().ToArray().SequenceEqual(answer.Select(word => (long)rowOfWord[Lexicon.IndexOf[word]]));
    }

    private Tensor Ids(string[] words) => tensor(words.Select(word => (long)rowOfWord[Lexicon.IndexOf[word]]).ToArray(), [1, words.Length]);

    private static string[] WordsOf(TaskPrompt prompt)
    {
        string spaced = prompt.Text.Replace(Lexicon.Sep, " " + Lexicon.Sep, StringComparison.Ordinal);
        return [Lexicon.Bos, .. spaced.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
    }
}
