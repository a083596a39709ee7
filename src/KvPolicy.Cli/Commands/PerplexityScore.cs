namespace KvPolicy.Cli.Commands;

/// <summary>Adds up likelihoods in double precision.</summary>
internal sealed class PerplexityScore
{
    private double _nll;
    private double _fullNll;
    private double _divergence;

    /// <summary>Tokens that were scored.</summary>
    internal int Tokens { get; private set; }

    /// <summary>Mean negative log likelihood, nats.</summary>
    internal double MeanNll => _nll / Tokens;

    /// <summary>exp of it.</summary>
    internal double Perplexity => Math.Exp(MeanNll);

    /// <summary>The full cache's, over the same tokens.</summary>
    internal double FullPerplexity => Math.Exp(_fullNll / Tokens);

    /// <summary>Mean KL(full cache, compressed cache), nats a token.</summary>
    internal double Divergence => _divergence / Tokens;

    /// <summary>Scores one token.</summary>
    /// <param name="logits">[vocabulary]</param>
    /// <param name="target">The token that came.</param>
    /// <param name="full">[vocabulary] the full cache's logits at the same place; empty where there are none.</param>
    internal void Add(ReadOnlySpan<float> logits, int target, ReadOnlySpan<float> full = default)
    {
        double total = LogSumExp(logits);
        if (!double.IsFinite(total)) throw new InvalidOperationException("the logits are not finite numbers: the model's weights are damaged; fetch or convert the model again");
        Tokens++;
        _nll += total - logits[target];
        if (full.IsEmpty) return;
        double fullTotal = LogSumExp(full), divergence = 0;
        _fullNll += fullTotal - full[target];
        for (int i = 0; i < full.Length; i++) divergence += Math.Exp(full[i] - fullTotal) * (full[i] - fullTotal - (logits[i] - total));
        _divergence += divergence;
    }

    private static double LogSumExp(ReadOnlySpan<float> logits)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits) largest = Math.Max(largest, logit);
        foreach (float logit in logits) sum += Math.Exp(logit - largest);
        return largest + Math.Log(sum);
    }
}
