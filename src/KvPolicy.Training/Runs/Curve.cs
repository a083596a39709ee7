using System.Globalization;
using System.Text;
using System.Text.Json;
using KvPolicy.Evaluation;

namespace KvPolicy.Training.Runs;

/// <summary>A point of the training's course.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Seconds">Wall time of all sessions so far.</param>
/// <param name="Tokens">Tokens read so far.</param>
/// <param name="Loss">Mean over the steps since the last point.</param>
/// <param name="Right">Percent right task by task, or empty where it was not measured.</param>
internal sealed record CurvePoint(int Step, double Seconds, long Tokens, double Loss, double[] Right);

/// <summary>The training's course as text.</summary>
internal static class Curve
{
    internal static string ToJson(IReadOnlyList<CurvePoint> points) => JsonSerializer.Serialize(points);

    internal static List<CurvePoint> FromJson(string json) => JsonSerializer.Deserialize<List<CurvePoint>>(json) ?? [];

    internal static string ToCsv(IReadOnlyList<CurvePoint> points)
    {
        StringBuilder text = new("step,seconds,tokens,loss");
        foreach (EvaluationTask task in EvaluationTasks.All) text.Append(',').Append(task.Name);
        text.Append('\n');
        foreach (CurvePoint p in points)
        {
            text.Append(CultureInfo.InvariantCulture, $"{p.Step},{p.Seconds:0},{p.Tokens},{p.Loss:0.0000}");
            for (int i = 0; i < EvaluationTasks.All.Count; i++)
            {
                text.Append(',');
                if (i < p.Right.Length) text.Append(CultureInfo.InvariantCulture, $"{p.Right[i]:0.0}");
            }

            text.Append('\n');
        }

        return text.ToString();
    }
}
