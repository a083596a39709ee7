using System.Text;
using System.Text.Json.Nodes;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>Templates carried out. Expected texts are what Jinja2 3.1 gives with trim_blocks and lstrip_blocks, as chat templates are
/// rendered.</summary>
public class ChatTemplateTests
{
    private static readonly ChatMessage[] Talk = [new("user", " Hi "), new("assistant", "Yo."), new("user", "Bye")];

    private const string ChatMl =
        "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}"
        + "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    private const string Llama3 =
        "{% for m in messages %}{% set content = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' %}"
        + "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

    [Fact]
    public void ChatML_with_its_default_system_message()
    {
        Assert.Equal(
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\nYo.<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
            Rendered(ChatMl, Talk));
        Assert.Equal("<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n",
            Rendered(ChatMl, new("system", "S"), new("user", "x")));
    }

    [Fact]
    public void Llama3_trims_the_words_and_begins_with_bos()
        => Assert.Equal(
            "<s><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYo.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\n\n",
            Rendered(Llama3, Talk));

    [Theory]
    // White space around tags.
    [InlineData("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc")]
    [InlineData("a  {%- if true -%}  b  {%- endif -%}  c", "abc")]
    [InlineData("  {% if true %}x{% endif %}  ", "x  ")]
    [InlineData("  {%+ if true %}x{% endif +%}\n", "  x")]
    [InlineData("x\n  {{ 1 }}  \n{# gone #}\ny", "x\n  1  \ny")]
    [InlineData("{% set q = 1 %}\n\n z", "\n z")]
    [InlineData("a\r\n{{ 'b' }}\r\nc", "a\nb\nc")]
    [InlineData("{% if true %}\n   {% if true %}k{% endif %}{% endif %}", "k")]
    // Expressions.
    [InlineData("{{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 3 / 2 }} {{ 4 / 2 }} {{ 2 * 3 - 1 }}", "3 -4 2 1.5 2.0 5")]
    [InlineData("{{ 'a' ~ 1 ~ none ~ true ~ nothing }}", "a1NoneTrue")]
    [InlineData("{{ 'abcdef'[1:-1:2] }} {{ 'abc'[::-1] }} {{ 'abc'[-2:] }} {{ [1, 2, 3][-1] }} {{ 'abc'[9:] }}", "bd cba bc 3 ")]
    [InlineData("{{ not true and false or true }} {{ 1 < 2 }} {{ 'a' in 'abc' }} {{ 'q' not in ['q'] }} {{ 1 == 1.0 }}", "True True True False True")]
    [InlineData("{{ 'x' if false }}|{{ 'y' if true else 'z' }}|{{ (1, 2) | length }}|{{ [] is iterable }}", "|y|2|True")]
    [InlineData("{{ nothing is defined }} {{ nothing is none }} {{ none is none }} {{ 'a' is string }} {{ 3 is odd }} {{ messages is not string }}", "False False True True True True")]
    [InlineData("{{ nothing | default('d') }}{{ '' | default('e', true) }}{{ ' t ' | trim }}{{ 'Ab' | upper | lower }}{{ [3, 1] | first }}{{ [3, 1] | last }}{{ '5' | int + 1 }}", "detab316")]
    [InlineData("{{ 'a,b,c'.split(',', 1) | join('_') }} {{ 'a b  c'.split() | join('_') }} {{ 'xxaxx'.strip('x') }} {{ 'a-b'.replace('-', '+') }}", "a_b,c a_b_c a a+b")]
    [InlineData("{{ 'abc'.startswith(('x', 'a')) }} {{ 'abc'.endswith('bc') }} {{ 'abc'.find('c') }}", "True True 2")]
    [InlineData("{{ messages | map(attribute='role') | join('|') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "user|assistant|user 2")]
    [InlineData("{{ {'b': [1, none, true], 'a': 'x\"\\n'} | tojson }}", "{\"b\": [1, null, true], \"a\": \"x\\\"\\n\"}")]
    [InlineData("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;")]
    // Loops, scopes, macros.
    [InlineData("{% set x = 1 %}{% for i in range(3) %}{% set x = i %}{% endfor %}{{ x }}", "1")]
    [InlineData("{% set ns = namespace(x=1) %}{% for i in range(4) if i % 2 == 0 %}{% set ns.x = ns.x + i %}{{ loop.index }}{{ loop.last }}{% else %}-{% endfor %}{{ ns.x }}", "1False2True3")]
    [InlineData("{% for i in range(9) %}{% if i == 3 %}{% break %}{% endif %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{% endfor %}{% for i in [] %}{% else %}none{% endfor %}", "02none")]
    [InlineData("{% macro f(a, b='y') %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f(2, b='z') }}{% set q %}{{ f(3) }}!{% endset %}{{ q }}", "[1y][2z][3y]!")]
    [InlineData("{% generation %}{{ messages[-1].content }}{% endgeneration %}", "Bye")]
    public void A_template_gives(string template, string expected) => Assert.Equal(expected, Rendered(template, Talk));

    [Theory]
    [InlineData("{% include 'x' %}", "'include' is not supported")]
    [InlineData("{{ messages | shuffle }}", "filter 'shuffle' is not supported")]
    [InlineData("{{ messages is funny }}", "test 'funny' is not supported")]
    [InlineData("{{ raise_exception('no system, please') }}", "no system, please")]
    [InlineData("{{ nothing.at.all }}", "'nothing', which is undefined")]
    [InlineData("{{ 'a' + 1 }}", "'+' between a string and a number")]
    [InlineData("{{ unfinished", "without its end")]
    [InlineData("{% if true %}", "ends too early")]
    [InlineData("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}", "too many steps")]
    [InlineData("{% for i in range(2000000000) %}{% endfor %}", "too long")]
    [InlineData("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "too deep")]
    [InlineData("{{ 1 // 0 }}", "division")]
    public void A_template_is_refused_when_a_chat_is_asked_for(string template, string problem)
    {
        ITextTokenizer tokenizer = WithTemplate(template);
        Assert.NotEmpty(tokenizer.Encode("plain text goes on", default));
        var e = Assert.Throws<ModelFormatException>(() => tokenizer.EncodeChat("x", false));
        Assert.Contains(problem, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, char.IsControl);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("[")]
    [InlineData("not ")]
    [InlineData("-")]
    public void Nesting_without_end_is_refused(string opening)
    {
        ITextTokenizer tokenizer = WithTemplate("{{ " + string.Concat(Enumerable.Repeat(opening, 100_000)) + " }}");
        Assert.Throws<ModelFormatException>(() => tokenizer.EncodeChat("x", false));
    }

    [Fact]
    public void Long_chains_are_refused_instead_of_exhausting_the_stack()
    {
        ITextTokenizer tokenizer = WithTemplate("{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 100_000)) + " }}");
        Assert.Throws<ModelFormatException>(() => tokenizer.EncodeChat("x", false));
    }

    [Fact]
    public void Words_keep_their_origin_through_every_filter()
    {
        // The user's own mark is plain although the template's is a token; trimmed, cut, replaced and joined, offsets still point at the words.
        ITextTokenizer tokenizer = WithTemplate("{{ '<s>' + (messages[0].content | trim).replace('-', '<s>').split('|') | join('</s>') + '</s>' }}");
        const string Text = "  a-b|<s>c  ";
        IReadOnlyList<TextToken> tokens = tokenizer.EncodeChat(Text, parseSpecial: false);
        int[] expected = [266, 'a', 266, 'b', 267, '<', 's', '>', 'c', 267];
        Assert.Equal(expected, TestText.Ids(tokens));
        Assert.Equal([-1, 2, -1, 4, -1, 6, 7, 8, 9, -1], TestText.Starts(tokens));
        Assert.Equal([266, 'a', 266, 'b', 267, 266, 'c', 267], TestText.Ids(tokenizer.EncodeChat(Text, parseSpecial: true)));
    }

    [Fact]
    public void A_template_may_stand_in_its_own_file_or_in_a_list()
    {
        using var folder = new Support.TemporaryFolder();
        folder.Write("tokenizer.json", SmallTokenizers.Utf8(SmallTokenizers.Json()));
        folder.Write("tokenizer_config.json", """{"chat_template": [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "{{ messages[0].content }}!"}]}""");
        Assert.Equal("x!", Text(TokenizerFactory.FromFolder(folder.Path)));
        folder.Write("chat_template.jinja", "{{ messages[0].content }}?");
        Assert.Equal("x?", Text(TokenizerFactory.FromFolder(folder.Path)));

        static string Text(ITextTokenizer tokenizer) => tokenizer.Decode(TestText.Ids(tokenizer.EncodeChat("x", false)), skipSpecial: false);
    }

    private static string Rendered(string template, params ChatMessage[] messages)
    {
        ITextTokenizer tokenizer = WithTemplate(template);
        return tokenizer.Decode(TestText.Ids(tokenizer.EncodeChat(messages, addGenerationPrompt: true, parseSpecial: false)), skipSpecial: false);
    }

    private static ITextTokenizer WithTemplate(string template)
    {
        var config = new JsonObject { ["bos_token"] = "<s>", ["chat_template"] = template };
        return TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(SmallTokenizers.Json()), Encoding.UTF8.GetBytes(config.ToJsonString()));
    }
}
