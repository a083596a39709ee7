using System.Globalization;

namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>Reads the part of Jinja that chat templates use. Anything else is refused by name.</summary>
internal sealed class TemplateParser
{
    private const int MaxDepth = 64;
    private static readonly string[] Comparisons = ["==", "!=", "<", ">", "<=", ">="];

    private readonly List<TemplateToken> _tokens;
    private int _at, _depth;

    private TemplateParser(List<TemplateToken> tokens) => _tokens = tokens;

    /// <exception cref="TemplateException">A construct that is not known here, or no template at all.</exception>
    internal static IReadOnlyList<Statement> Parse(string source)
    {
        var parser = new TemplateParser(TemplateLexer.Read(source));
        IReadOnlyList<Statement> statements = parser.Body();
        return parser.Current.Type == TokenType.End ? statements : throw parser.Unexpected();
    }

    private TemplateToken Current => _tokens[_at];

    private TemplateException Error(string problem) => new(string.Create(CultureInfo.InvariantCulture, $"line {Current.Line}: {problem}"));

    private TemplateException Unexpected()
    {
        if (Current.Type == TokenType.End) return Error("the template ends too early");
        return Error($"'{(Current.Text.Length > 0 ? Current.Text : Current.Type.ToString())}' is not expected");
    }

    private bool Is(TokenType type, string text) => Current.Type == type && Current.Text == text;

    private bool Take(TokenType type, string text)
    {
        if (!Is(type, text)) return false;
        _at++;
        return true;
    }

    private bool TakeOperator(string text) => Take(TokenType.Operator, text);

    private bool TakeName(string text) => Take(TokenType.Name, text);

    private void Expect(TokenType type, string text = "")
    {
        if (!Take(type, text)) throw Unexpected();
    }

    private string ExpectName()
    {
        if (Current.Type != TokenType.Name) throw Unexpected();
        return _tokens[_at++].Text;
    }

    private T Deeper<T>(Func<T> read)
    {
        if (++_depth > MaxDepth) throw Error($"nested more than {MaxDepth} deep");
        T result = read();
        _depth--;
        return result;
    }

    // Statements up to a tag that begins with a word that ends or divides the enclosing one.
    private List<Statement> Body(params ReadOnlySpan<string> ends)
    {
        var statements = new List<Statement>();
        while (Current.Type != TokenType.End)
        {
            switch (Current.Type)
            {
                case TokenType.Data:
                    statements.Add(new OutputText(_tokens[_at++].Text));
                    break;
                case TokenType.PrintBegin:
                    _at++;
                    statements.Add(new Print(Expression()));
                    Expect(TokenType.PrintEnd);
                    break;
                default:
                    if (_tokens[_at + 1].Type == TokenType.Name && ends.Contains(_tokens[_at + 1].Text)) return statements;
                    _at++;
                    Block(statements);
                    break;
            }
        }
        return statements;
    }

    private void Block(List<Statement> statements)
    {
        string word = ExpectName();
        switch (word)
        {
            case "if": statements.Add(Deeper(IfBlock)); break;
            case "for": statements.Add(Deeper(ForBlock)); break;
            case "set": statements.Add(Deeper(SetStatement)); break;
            case "macro": statements.Add(Deeper(MacroBlock)); break;
            case "break": statements.Add(new Break()); break;
            case "continue": statements.Add(new Continue()); break;
            // Marks for training which words are the assistant's; printed as if it were not there.
            case "generation":
                Expect(TokenType.BlockEnd);
                statements.AddRange(Deeper(() => Body("endgeneration")));
                End("endgeneration");
                break;
            default:
                _at--;
                throw Error($"the statement '{word}' is not supported");
        }
        Expect(TokenType.BlockEnd);
    }

    private void End(string word)
    {
        Expect(TokenType.BlockBegin);
        Expect(TokenType.Name, word);
    }

    private If IfBlock()
    {
        var branches = new List<(Expression?, IReadOnlyList<Statement>)>();
        Expression? condition = Expression();
        while (true)
        {
            Expect(TokenType.BlockEnd);
            branches.Add((condition, Body("elif", "else", "endif")));
            Expect(TokenType.BlockBegin);
            if (TakeName("endif")) return new If(branches);
            if (condition is null) throw Unexpected();
            if (TakeName("elif")) condition = Expression();
            else if (TakeName("else")) condition = null;
            else throw Unexpected();
        }
    }

    private For ForBlock()
    {
        var names = new List<string> { ExpectName() };
        while (TakeOperator(",")) names.Add(ExpectName());
        Expect(TokenType.Name, "in");
        // Without the inline if, which here belongs to the loop.
        Expression items = Or();
        Expression? filter = TakeName("if") ? Expression() : null;
        if (Is(TokenType.Name, "recursive")) throw Error("recursive loops are not supported");
        Expect(TokenType.BlockEnd);
        List<Statement> body = Body("else", "endfor"), otherwise = [];
        Expect(TokenType.BlockBegin);
        if (TakeName("else"))
        {
            Expect(TokenType.BlockEnd);
            otherwise = Body("endfor");
            Expect(TokenType.BlockBegin);
        }
        Expect(TokenType.Name, "endfor");
        return new For(names, items, filter, body, otherwise);
    }

    private Statement SetStatement()
    {
        string name = ExpectName();
        string? attribute = TakeOperator(".") ? ExpectName() : null;
        if (TakeOperator("=")) return new Set(name, attribute, Expression());
        if (attribute is not null || Current.Type != TokenType.BlockEnd) throw Unexpected();
        _at++;
        List<Statement> body = Body("endset");
        End("endset");
        return new SetBlock(name, body);
    }

    private Macro MacroBlock()
    {
        string name = ExpectName();
        Expect(TokenType.Operator, "(");
        var parameters = new List<(string, Expression?)>();
        while (!TakeOperator(")"))
        {
            if (parameters.Count > 0) Expect(TokenType.Operator, ",");
            parameters.Add((ExpectName(), TakeOperator("=") ? Expression() : null));
        }
        Expect(TokenType.BlockEnd);
        List<Statement> body = Body("endmacro");
        End("endmacro");
        return new Macro(name, parameters, body);
    }

    private Expression Expression()
    {
        Expression value = Deeper(Or);
        while (TakeName("if"))
        {
            Expression condition = Deeper(Or);
            value = new Conditional(value, condition, TakeName("else") ? Deeper(Expression) : null);
        }
        return value;
    }

    private Expression Or()
    {
        Expression left = And();
        while (TakeName("or")) left = new Binary("or", left, And());
        return left;
    }

    private Expression And()
    {
        Expression left = Inversion();
        while (TakeName("and")) left = new Binary("and", left, Inversion());
        return left;
    }

    private Expression Inversion() => TakeName("not") ? new Not(Deeper(Inversion)) : Comparison();

    private Expression Comparison()
    {
        Expression left = Sum();
        while (true)
        {
            if (Current.Type == TokenType.Operator && Comparisons.Contains(Current.Text)) left = new Binary(_tokens[_at++].Text, left, Sum());
            else if (TakeName("in")) left = new Binary("in", left, Sum());
            else if (Is(TokenType.Name, "not") && _tokens[_at + 1] is { Type: TokenType.Name, Text: "in" })
            {
                _at += 2;
                left = new Not(new Binary("in", left, Sum()));
            }
            else return left;
        }
    }

    private Expression Sum() => LeftToRight(Concatenation, "+", "-");

    private Expression Concatenation() => LeftToRight(Product, "~");

    private Expression Product() => LeftToRight(Unary, "*", "/", "//", "%");

    private Expression LeftToRight(Func<Expression> operand, params string[] operators)
    {
        Expression left = operand();
        while (Current.Type == TokenType.Operator && operators.Contains(Current.Text)) left = new Binary(_tokens[_at++].Text, left, operand());
        return left;
    }

    private Expression Unary()
    {
        if (TakeOperator("-")) return new Negative(Deeper(Unary));
        Expression value = Postfix(Primary());
        while (true)
        {
            if (TakeOperator("|")) value = new Filter(value, ExpectName(), TakeOperator("(") ? CallArguments() : Arguments.None);
            else if (TakeName("is")) value = TestOf(value);
            else return value;
            value = Postfix(value);
        }
    }

    private Test TestOf(Expression value)
    {
        bool negated = TakeName("not");
        string name = ExpectName();
        bool hasArgument = Current.Type is TokenType.Text or TokenType.Number || Is(TokenType.Operator, "(") || Is(TokenType.Operator, "[")
            || (Current.Type == TokenType.Name && Current.Text is not ("and" or "or" or "else" or "if" or "is" or "in" or "not"));
        return new Test(value, name, hasArgument ? Postfix(Primary()) : null, negated);
    }

    private Expression Primary()
    {
        TemplateToken token = _tokens[_at];
        switch (token.Type)
        {
            case TokenType.Text: return TextLiteral();
            case TokenType.Number:
                _at++;
                if (long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long whole)) return new Literal(whole);
                if (double.TryParse(token.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double real))
                {
                    return new Literal(real);
                }
                throw Error($"the number '{token.Text}' is not supported");
            case TokenType.Name when token.Text is not ("if" or "else" or "and" or "or" or "in" or "is" or "not"):
                _at++;
                return token.Text switch
                {
                    "true" or "True" => new Literal(true),
                    "false" or "False" => new Literal(false),
                    "none" or "None" => new Literal(null),
                    _ => new Name(token.Text),
                };
            case TokenType.Operator when token.Text is "(": return Deeper(Parenthesis);
            case TokenType.Operator when token.Text is "[": return Deeper(List);
            case TokenType.Operator when token.Text is "{": return Deeper(Dictionary);
            default: throw Unexpected();
        }
    }

    private Literal TextLiteral()
    {
        string text = "";
        while (Current.Type == TokenType.Text) text += _tokens[_at++].Text; // neighbours are one string
        return new Literal(new TemplateText(text));
    }

    private Expression Parenthesis()
    {
        Expect(TokenType.Operator, "(");
        if (TakeOperator(")")) return new ListOf([]);
        Expression first = Expression();
        if (TakeOperator(")")) return first;
        var items = new List<Expression> { first };
        while (TakeOperator(",") && !Is(TokenType.Operator, ")")) items.Add(Expression());
        Expect(TokenType.Operator, ")");
        return new ListOf(items);
    }

    private ListOf List()
    {
        Expect(TokenType.Operator, "[");
        var items = new List<Expression>();
        while (!TakeOperator("]"))
        {
            if (items.Count > 0)
            {
                Expect(TokenType.Operator, ",");
                if (TakeOperator("]")) break;
            }
            items.Add(Expression());
        }
        return new ListOf(items);
    }

    private DictOf Dictionary()
    {
        Expect(TokenType.Operator, "{");
        var pairs = new List<(Expression, Expression)>();
        while (!TakeOperator("}"))
        {
            if (pairs.Count > 0)
            {
                Expect(TokenType.Operator, ",");
                if (TakeOperator("}")) break;
            }
            Expression key = Expression();
            Expect(TokenType.Operator, ":");
            pairs.Add((key, Expression()));
        }
        return new DictOf(pairs);
    }

    private Expression Postfix(Expression value)
    {
        while (true)
        {
            if (TakeOperator(".")) value = new Attribute(value, ExpectName());
            else if (TakeOperator("[")) value = Subscript(value);
            else if (TakeOperator("(")) value = new Call(value, CallArguments());
            else return value;
        }
    }

    private Expression Subscript(Expression value)
    {
        Expression?[] parts = new Expression?[3];
        int colons = 0;
        while (!TakeOperator("]"))
        {
            if (TakeOperator(":"))
            {
                if (++colons > 2) throw Unexpected();
            }
            else if (parts[colons] is null) parts[colons] = Expression();
            else throw Unexpected();
        }
        if (colons > 0) return new Slice(value, parts[0], parts[1], parts[2]);
        return new Item(value, parts[0] ?? throw Unexpected());
    }

    private Arguments CallArguments() => Deeper(() =>
    {
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        while (!TakeOperator(")"))
        {
            if (positional.Count + named.Count > 0)
            {
                Expect(TokenType.Operator, ",");
                if (TakeOperator(")")) break;
            }
            if (Current.Type == TokenType.Name && _tokens[_at + 1] is { Type: TokenType.Operator, Text: "=" })
            {
                string name = ExpectName();
                _at++;
                named.Add((name, Expression()));
            }
            else positional.Add(Expression());
        }
        return new Arguments(positional, named);
    });
}
