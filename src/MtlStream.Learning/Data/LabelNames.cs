using System.Text;

namespace MtlStream.Learning.Data;

/// <summary>Names of labels as texts to learn from: with few texts a label, <c>card_arrival</c> says as much as one of them.</summary>
/// <remarks>Schick and Schuetze 2021, https://arxiv.org/abs/2001.07676, and others since use the words of a label likewise.</remarks>
public static class LabelNames
{
    private const int MostTextsOfALabel = 50;

    /// <summary>Whether names may help: there are few texts a label, and the names are words.</summary>
    /// <param name="texts">Number of texts of all labels.</param>
    public static bool MayHelp(IReadOnlyList<string> labels, int texts)
    {
        ArgumentNullException.ThrowIfNull(labels);
        return texts <= MostTextsOfALabel * labels.Count && labels.All(l => l.Count(char.IsLetter) >= 2);
    }

    /// <summary>A label's name as words: <c>cardArrival-time</c> becomes <c>card arrival time</c>.</summary>
    public static string Words(string label)
    {
        ArgumentNullException.ThrowIfNull(label);
        var words = new StringBuilder();
        for (var i = 0; i < label.Length; i++)
        {
            var begins = i > 0 && char.IsUpper(label[i]) && char.IsLower(label[i - 1]);
            if (begins) words.Append(' ');
            words.Append(char.IsLetterOrDigit(label[i]) ? char.ToLowerInvariant(label[i]) : ' ');
        }

        return string.Join(' ', words.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }
}
