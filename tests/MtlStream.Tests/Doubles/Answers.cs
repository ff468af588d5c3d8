using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Tests.Doubles;

/// <summary>What a model said, by the words of the built-in kinds of tasks.</summary>
internal static class Answers
{
    /// <summary>Probability of each label of a task about the text.</summary>
    public static Span<float> Probabilities(this Predictions predictions, int task, int sequence) => predictions.Of(task, sequence).Floats();

    /// <summary>Label id of each token of a task about words, [CLS] first.</summary>
    public static Span<int> Tags(this Predictions predictions, int task, int sequence) =>
        TokenLabelTask.TagsOf(predictions.Of(task, sequence));

    /// <summary>Probability of those labels.</summary>
    public static Span<float> TagScores(this Predictions predictions, int task, int sequence) =>
        TokenLabelTask.ScoresOf(predictions.Of(task, sequence));

    /// <summary>All that was said about a sequence of so many tokens, one number after the other.</summary>
    public static float[] All(this Predictions predictions, int sequence, int length)
    {
        var all = new List<float>();
        for (var task = 0; task < predictions.Tasks.Count; task++)
        {
            var values = predictions.Of(task, sequence);
            for (var output = 0; output < predictions.Tasks[task].Outputs.Count; output++)
                all.AddRange(values.Floats(output)[..predictions.Tasks[task].Outputs[output].Width(length)]);
        }

        return [.. all];
    }
}
