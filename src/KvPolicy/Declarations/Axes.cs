namespace KvPolicy;

/// <summary>What competes for the budget.</summary>
public enum Unit
{
    /// <summary>Single tokens.</summary>
    Token,

    /// <summary>Runs of a fixed number of tokens, cut from the first competing token on.</summary>
    Chunk,

    /// <summary>Examples of a few-shot prompt: whole or gone.</summary>
    Shot,
}

/// <summary>Which queries a hook's attention comes from.</summary>
public enum Rows
{
    /// <summary>The last n queries of the prompt (all of a shorter one); reduced by their mean.</summary>
    Last,

    /// <summary>Every query so far; reduced by their sum. While decoding a running sum that is lost with its token.</summary>
    All,

    /// <summary>The query of the token being decoded.</summary>
    Current,
}

/// <summary>How many values become one.</summary>
public enum Reduce
{
    /// <summary>What the axis does by default.</summary>
    Default,

    /// <summary>Arithmetic mean.</summary>
    Mean,

    /// <summary>Sum.</summary>
    Sum,
}

/// <summary>How a score takes its neighbours in.</summary>
public enum Pooling
{
    /// <summary>Mean over the full width; zeros beyond the ends.</summary>
    Average,

    /// <summary>Maximum over the width.</summary>
    Max,
}

/// <summary>Who has the same kept set, or shares a budget.</summary>
public enum Scope
{
    /// <summary>Each KV head on its own.</summary>
    Head,

    /// <summary>All KV heads of a layer.</summary>
    Layer,

    /// <summary>All layers.</summary>
    Model,
}

/// <summary>What a decode budget is a fraction of.</summary>
public enum Base
{
    /// <summary>The prompt: the prefill's own budget, over all held tokens.</summary>
    Prompt,

    /// <summary>The tokens decoded so far; what stayed of the prompt is frozen.</summary>
    Generated,

    /// <summary>Prompt and decoded tokens together.</summary>
    All,
}

/// <summary>Whether tokens that belong to no shot count against the budget. They always stay.</summary>
public enum Outside
{
    /// <summary>They count: the shots share what is left of Keep x n.</summary>
    KeepAndCount,

    /// <summary>They do not: the shots share Keep x (tokens in shots).</summary>
    KeepFree,
}

/// <summary>What happens at the first shot that no longer fits.</summary>
public enum Packing
{
    /// <summary>Nothing after it is taken.</summary>
    Stop,

    /// <summary>It is passed over; a later, shorter one may fit.</summary>
    Skip,
}
