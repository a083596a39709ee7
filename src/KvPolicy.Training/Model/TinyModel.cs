using KvPolicy.Evaluation.Language;

namespace KvPolicy.Training.Model;

/// <summary>The embedded model's shape: a Llama with rotary positions in halves, no biases, and an output head of its own.</summary>
internal static class TinyModel
{
    internal const int Hidden = 128;
    internal const int Layers = 4;
    internal const int QueryHeads = 4;
    internal const int KvHeads = 2;
    internal const int HeadSize = 32;
    internal const int FeedForward = 384;
    internal const double Epsilon = 1e-5;
    internal const double Theta = 10_000;

    /// <summary>Longest context in use; rows of training end at 1,024.</summary>
    internal const int Positions = 1536;

    /// <summary>Training knows the words alone; the rows of the ids between them are added when the model is written.</summary>
    internal static readonly int Words = Lexicon.All.Length;

    /// <summary>Rotary frequency f (radians a token), f = 0 the fastest of 16.</summary>
    internal static double Frequency(int f) => Math.Pow(Theta, -2.0 * f / HeadSize);
}
