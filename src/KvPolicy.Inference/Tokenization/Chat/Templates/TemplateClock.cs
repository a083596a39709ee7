using System.Globalization;
using System.Text;

namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>strftime, as far as templates write the date with it.</summary>
internal static class TemplateClock
{
    internal static string Format(string format, DateTime now)
    {
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }
            char code = ++i < format.Length ? format[i] : ' ';
            text.Append(code switch
            {
                'd' => Number(now.Day, 2),
                'm' => Number(now.Month, 2),
                'Y' => Number(now.Year, 4),
                'y' => Number(now.Year % 100, 2),
                'H' => Number(now.Hour, 2),
                'M' => Number(now.Minute, 2),
                'S' => Number(now.Second, 2),
                'j' => Number(now.DayOfYear, 3),
                'b' => now.ToString("MMM", CultureInfo.InvariantCulture),
                'B' => now.ToString("MMMM", CultureInfo.InvariantCulture),
                'a' => now.ToString("ddd", CultureInfo.InvariantCulture),
                'A' => now.ToString("dddd", CultureInfo.InvariantCulture),
                '%' => "%",
                _ => throw new TemplateException($"the date format '%{code}' is not supported"),
            });
        }
        return text.ToString();
    }

    private static string Number(int value, int digits) => value.ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0');
}
