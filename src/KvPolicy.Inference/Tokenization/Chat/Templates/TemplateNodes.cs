namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>A part of a template that is carried out.</summary>
internal abstract record Statement;

internal sealed record OutputText(string Text) : Statement;

internal sealed record Print(Expression Value) : Statement;

/// <summary>Branches in turn; the last may have no condition.</summary>
internal sealed record If(IReadOnlyList<(Expression? Condition, IReadOnlyList<Statement> Body)> Branches) : Statement;

internal sealed record For(IReadOnlyList<string> Names, Expression Items, Expression? Filter, IReadOnlyList<Statement> Body,
    IReadOnlyList<Statement> Otherwise) : Statement;

/// <summary>Sets a name, or an attribute of a namespace.</summary>
internal sealed record Set(string Name, string? Attribute, Expression Value) : Statement;

/// <summary>Sets a name to what its body prints.</summary>
internal sealed record SetBlock(string Name, IReadOnlyList<Statement> Body) : Statement;

internal sealed record Macro(string Name, IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Statement> Body) : Statement;

internal sealed record Break : Statement;

internal sealed record Continue : Statement;

/// <summary>A part of a template that has a value.</summary>
internal abstract record Expression;

internal sealed record Literal(object? Value) : Expression;

internal sealed record Name(string Text) : Expression;

internal sealed record ListOf(IReadOnlyList<Expression> Items) : Expression;

internal sealed record DictOf(IReadOnlyList<(Expression Key, Expression Value)> Pairs) : Expression;

internal sealed record Attribute(Expression Of, string Name) : Expression;

internal sealed record Item(Expression Of, Expression Key) : Expression;

internal sealed record Slice(Expression Of, Expression? Start, Expression? Stop, Expression? Step) : Expression;

internal sealed record Arguments(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named)
{
    internal static readonly Arguments None = new([], []);
}

internal sealed record Call(Expression Of, Arguments Arguments) : Expression;

internal sealed record Filter(Expression Of, string Name, Arguments Arguments) : Expression;

internal sealed record Test(Expression Of, string Name, Expression? Argument, bool Negated) : Expression;

internal sealed record Not(Expression Of) : Expression;

internal sealed record Negative(Expression Of) : Expression;

internal sealed record Binary(string Operator, Expression Left, Expression Right) : Expression;

internal sealed record Conditional(Expression Value, Expression Condition, Expression? Otherwise) : Expression;
