using System.Globalization;

namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>Carries a template out. Bounded in steps, depth and output, whatever the template does.</summary>
internal sealed class TemplateInterpreter
{
    private const int MaxSteps = 1_000_000, MaxDepth = 400, MaxOutput = 1 << 26, MaxRange = 100_000, LoopCost = 16;

    private readonly Dictionary<string, object?> _globals;
    private readonly Stack<Dictionary<string, object?>> _scopes = new();
    private readonly Dictionary<string, Macro> _macros = [];
    private List<TemplateText> _output = [];
    private int _steps, _depth;
    private long _written;

    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    private TemplateInterpreter(Dictionary<string, object?> variables)
    {
        _globals = variables;
        foreach (string name in new[] { "raise_exception", "namespace", "range", "strftime_now", "dict" }) _globals.TryAdd(name, new Function(name));
        _scopes.Push(_globals);
    }

    /// <exception cref="TemplateException">The template refuses the messages, or does what is not supported.</exception>
    internal static TemplateText Render(IReadOnlyList<Statement> template, Dictionary<string, object?> variables)
    {
        var interpreter = new TemplateInterpreter(variables);
        interpreter.Run(template);
        return TemplateText.Join(interpreter._output);
    }

    private Flow Run(IReadOnlyList<Statement> statements)
    {
        foreach (Statement statement in statements)
        {
            Step();
            Flow flow = Run(statement);
            if (flow != Flow.Next) return flow;
        }
        return Flow.Next;
    }

    private Flow Run(Statement statement)
    {
        switch (statement)
        {
            case OutputText text: Write(new TemplateText(text.Text)); break;
            case Print print: Write(TemplateValues.AsText(Value(print.Value))); break;
            case If branches:
                foreach ((Expression? condition, IReadOnlyList<Statement> body) in branches.Branches)
                {
                    if (condition is null || TemplateValues.IsTrue(Value(condition))) return Run(body);
                }
                break;
            case For loop: Loop(loop); break;
            case Set { Attribute: null } set: _scopes.Peek()[set.Name] = Value(set.Value); break;
            case Set set:
                if (Lookup(set.Name) is not TemplateDict { IsNamespace: true } target) throw new TemplateException($"'{set.Name}' is no namespace");
                target.Add(set.Attribute!, Value(set.Value));
                break;
            case SetBlock block: _scopes.Peek()[block.Name] = Capture(() => Run(block.Body)); break;
            case Macro macro:
                _macros[macro.Name] = macro;
                _globals[macro.Name] = new Function(macro.Name);
                break;
            case Break: return Flow.Break;
            case Continue: return Flow.Continue;
        }
        return Flow.Next;
    }

    private void Step(int cost = 1)
    {
        if ((_steps += cost) > MaxSteps) throw new TemplateException("it takes too many steps");
    }

    private void Write(TemplateText text)
    {
        _written += text.Length;
        if (_written > MaxOutput) throw new TemplateException("it writes too much");
        if (text.Length > 0) _output.Add(text);
    }

    private TemplateText Capture(Action body)
    {
        List<TemplateText> outer = _output;
        _output = [];
        try
        {
            body();
            return TemplateText.Join(_output);
        }
        finally
        {
            _output = outer;
        }
    }

    private object? Lookup(string name)
    {
        foreach (Dictionary<string, object?> scope in _scopes) if (scope.TryGetValue(name, out object? value)) return value;
        return new Undefined(name);
    }

    private void Loop(For loop)
    {
        IReadOnlyList<object?> items = TemplateValues.Items(Value(loop.Items));
        if (loop.Filter is not null)
        {
            items = [.. items.Where(item => InScope(() => Bind(loop.Names, item), () => TemplateValues.IsTrue(Value(loop.Filter))))];
        }
        if (items.Count == 0)
        {
            Run(loop.Otherwise);
            return;
        }
        for (int i = 0; i < items.Count; i++)
        {
            int index = i;
            Step(LoopCost);
            Flow flow = InScope(() =>
            {
                Bind(loop.Names, items[index]);
                _scopes.Peek()["loop"] = LoopVariable(items, index);
            }, () => Run(loop.Body));
            if (flow == Flow.Break) break;
        }
    }

    private T InScope<T>(Action begin, Func<T> body)
    {
        _scopes.Push([]);
        try
        {
            begin();
            return body();
        }
        finally
        {
            _scopes.Pop();
        }
    }

    private void Bind(IReadOnlyList<string> names, object? item)
    {
        if (names.Count == 1)
        {
            _scopes.Peek()[names[0]] = item;
            return;
        }
        IReadOnlyList<object?> parts = TemplateValues.Items(item);
        if (parts.Count != names.Count) throw new TemplateException($"{parts.Count} values for {names.Count} names");
        for (int i = 0; i < names.Count; i++) _scopes.Peek()[names[i]] = parts[i];
    }

    private static TemplateDict LoopVariable(IReadOnlyList<object?> items, int i)
    {
        var loop = new TemplateDict();
        loop.Add("index", i + 1L);
        loop.Add("index0", (long)i);
        loop.Add("revindex", (long)(items.Count - i));
        loop.Add("revindex0", (long)(items.Count - i - 1));
        loop.Add("first", i == 0);
        loop.Add("last", i == items.Count - 1);
        loop.Add("length", (long)items.Count);
        loop.Add("previtem", i > 0 ? items[i - 1] : new Undefined("previtem"));
        loop.Add("nextitem", i + 1 < items.Count ? items[i + 1] : new Undefined("nextitem"));
        return loop;
    }

    private object? Value(Expression expression)
    {
        Step();
        if (++_depth > MaxDepth) throw new TemplateException("an expression is nested too deep");
        object? value = expression switch
        {
            Literal literal => literal.Value,
            Name name => Lookup(name.Text),
            ListOf list => list.Items.Select(Value).ToList(),
            DictOf dict => MakeDict(dict),
            Attribute attribute => Member(Value(attribute.Of), attribute.Name),
            Item item => ItemOf(Value(item.Of), Value(item.Key)),
            Slice slice => SliceOf(Value(slice.Of), slice),
            Call call => CallOf(Value(call.Of), Evaluate(call.Arguments)),
            Filter filter => TemplateMethods.Filter(filter.Name, Value(filter.Of), Evaluate(filter.Arguments)),
            Test test => TemplateMethods.Test(test.Name, Value(test.Of), test.Argument is null ? null : Value(test.Argument)) != test.Negated,
            Not not => !TemplateValues.IsTrue(Value(not.Of)),
            Negative negative => Arithmetic("-", 0L, Value(negative.Of)),
            Conditional choice when TemplateValues.IsTrue(Value(choice.Condition)) => Value(choice.Value),
            Conditional choice => choice.Otherwise is null ? new Undefined("else") : Value(choice.Otherwise),
            Binary binary => BinaryOf(binary),
            _ => throw new InvalidOperationException(expression.GetType().Name),
        };
        _depth--;
        return value;
    }

    private TemplateDict MakeDict(DictOf node)
    {
        var dict = new TemplateDict();
        foreach ((Expression key, Expression value) in node.Pairs) dict[Value(key) ?? throw new TemplateException("none as a key")] = Value(value);
        return dict;
    }

    private CallValues Evaluate(Arguments arguments)
    {
        if (arguments.Positional.Count == 0 && arguments.Named.Count == 0) return CallValues.None;
        var named = new Dictionary<string, object?>();
        foreach ((string name, Expression value) in arguments.Named) named[name] = Value(value);
        return new CallValues([.. arguments.Positional.Select(Value)], named);
    }

    private static object? Member(object? of, string name)
    {
        if (of is Undefined) throw new TemplateException($"{TemplateValues.TypeOf(of)} has no member '{name}'");
        if (TemplateMethods.HasMethod(of, name)) return new BoundMethod(of, name);
        return of is TemplateDict dict && dict.TryGet(name, out object? value) ? value : new Undefined(name);
    }

    private static object? ItemOf(object? of, object? key)
    {
        switch (of)
        {
            case Undefined: throw new TemplateException($"{TemplateValues.TypeOf(of)} has no items");
            case TemplateDict dict when dict.TryGet(key, out object? value): return value;
            case TemplateDict when key is TemplateText name: return Member(of, name.Value);
            case List<object?> or TemplateText when key is long:
                IReadOnlyList<object?> items = TemplateValues.Items(of);
                int index = TemplateValues.AsIndex(key);
                if (index < 0) index += items.Count;
                return index >= 0 && index < items.Count ? items[index] : new Undefined("item");
            default: return new Undefined("item");
        }
    }

    // Python's slices: negative bounds count from the end, bounds outside are brought in, a step of -1 turns around.
    private object? SliceOf(object? of, Slice slice)
    {
        if (of is not (List<object?> or TemplateText)) throw new TemplateException($"{TemplateValues.TypeOf(of)} cannot be sliced");
        IReadOnlyList<object?> items = TemplateValues.Items(of);
        long step = slice.Step is null ? 1 : TemplateValues.AsIndex(Value(slice.Step));
        if (step == 0) throw new TemplateException("a slice with step 0");
        long low = step > 0 ? 0 : -1, high = step > 0 ? items.Count : items.Count - 1;
        long start = Bound(slice.Start, step > 0 ? low : high), stop = Bound(slice.Stop, step > 0 ? high : low);
        var taken = new List<object?>();
        for (long i = start; step > 0 ? i < stop : i > stop; i += step) taken.Add(items[(int)i]);
        return of is TemplateText ? TemplateText.Join([.. taken.Cast<TemplateText>()]) : taken;

        long Bound(Expression? bound, long otherwise)
        {
            if (bound is null || Value(bound) is not { } value) return otherwise;
            long index = TemplateValues.AsIndex(value);
            return Math.Clamp(index < 0 ? index + items.Count : index, low, high);
        }
    }

    private object? CallOf(object? callee, CallValues arguments)
    {
        switch (callee)
        {
            case BoundMethod method: return TemplateMethods.Call(method, arguments);
            case Function { Name: "raise_exception" }:
                throw new TemplateException($"it refuses these messages: {TemplateValues.AsText(arguments.Get(0, "message")).Value}");
            case Function { Name: "namespace" or "dict" } function:
                var dict = new TemplateDict { IsNamespace = function.Name == "namespace" };
                foreach ((string name, object? value) in arguments.Named) dict.Add(name, value);
                return dict;
            case Function { Name: "range" }: return Range(arguments);
            case Function { Name: "strftime_now" }: return new TemplateText(TemplateClock.Format(arguments.Text(0, "format") ?? "", DateTime.Now));
            case Function macro when _macros.TryGetValue(macro.Name, out Macro? body): return Expand(body, arguments);
            default: throw new TemplateException($"{TemplateValues.TypeOf(callee)} cannot be called");
        }
    }

    private static List<object?> Range(CallValues arguments)
    {
        int[] bounds = [.. arguments.Positional.Select(TemplateValues.AsIndex)];
        (long start, long stop, long step) = bounds.Length switch
        {
            1 => (0, bounds[0], 1),
            2 => (bounds[0], bounds[1], 1),
            3 when bounds[2] != 0 => (bounds[0], bounds[1], bounds[2]),
            _ => throw new TemplateException("a range takes one to three numbers"),
        };
        var numbers = new List<object?>();
        for (long n = start; step > 0 ? n < stop : n > stop; n += step)
        {
            if (numbers.Count == MaxRange) throw new TemplateException("a range is too long");
            numbers.Add(n);
        }
        return numbers;
    }

    private TemplateText Expand(Macro macro, CallValues arguments) => InScope(
        () =>
        {
            Dictionary<string, object?> scope = _scopes.Peek();
            for (int i = 0; i < macro.Parameters.Count; i++)
            {
                (string name, Expression? otherwise) = macro.Parameters[i];
                bool given = i < arguments.Positional.Count || arguments.Named.ContainsKey(name);
                scope[name] = given ? arguments.Get(i, name) : otherwise is null ? new Undefined(name) : Value(otherwise);
            }
        },
        () => Capture(() => Run(macro.Body)));

    private object? BinaryOf(Binary node)
    {
        object? left = Value(node.Left);
        switch (node.Operator)
        {
            case "and": return TemplateValues.IsTrue(left) ? Value(node.Right) : left;
            case "or": return TemplateValues.IsTrue(left) ? left : Value(node.Right);
        }
        object? right = Value(node.Right);
        return node.Operator switch
        {
            "==" => TemplateValues.AreEqual(left, right),
            "!=" => !TemplateValues.AreEqual(left, right),
            "<" => TemplateValues.Compare(left, right) < 0,
            ">" => TemplateValues.Compare(left, right) > 0,
            "<=" => TemplateValues.Compare(left, right) <= 0,
            ">=" => TemplateValues.Compare(left, right) >= 0,
            "in" => TemplateValues.Contains(right, left),
            "~" => Concatenate(TemplateValues.AsText(left), TemplateValues.AsText(right)),
            "+" when left is TemplateText a && right is TemplateText b => Concatenate(a, b),
            "+" when left is List<object?> a && right is List<object?> b => (List<object?>)[.. a, .. b],
            _ => Arithmetic(node.Operator, left, right),
        };
    }

    private TemplateText Concatenate(TemplateText left, TemplateText right)
    {
        if (left.Length + (long)right.Length > MaxOutput) throw new TemplateException("it makes too long a string");
        // Long strings that grow by a little each time cost by their length.
        Step((left.Length + right.Length) / 64);
        return TemplateText.Join([left, right]);
    }

    private static object Arithmetic(string name, object? left, object? right)
    {
        if (left is long a && right is long b)
        {
            switch (name)
            {
                case "+": return unchecked(a + b);
                case "-": return unchecked(a - b);
                case "*": return unchecked(a * b);
                case "//" or "%" when b is 0 or -1: throw new TemplateException("a division by 0 or -1");
                case "//": return (a / b) - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
                case "%": return ((a % b) + b) % b;
            }
        }
        if (TemplateValues.AsNumber(left) is not { } x || TemplateValues.AsNumber(right) is not { } y)
        {
            throw new TemplateException(string.Create(CultureInfo.InvariantCulture,
                $"'{name}' between {TemplateValues.TypeOf(left)} and {TemplateValues.TypeOf(right)}"));
        }
        return name switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => x / y,
            _ => throw new TemplateException($"'{name}' of these numbers is not supported"),
        };
    }
}
