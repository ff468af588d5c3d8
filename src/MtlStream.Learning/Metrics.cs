using MtlStream.Tasks;

namespace MtlStream.Learning;

/// <summary>Counts of one class: right, given, true.</summary>
public struct Tally
{
    public int Right { get; set; }
    public int Given { get; set; }
    public int True { get; set; }

    public readonly double Recall => True == 0 ? 0 : (double)Right / True;

    /// <summary>Zero where there is nothing to find and nothing found.</summary>
    public readonly double F1 => Given + True == 0 ? 0 : 2.0 * Right / (Given + True);
}

/// <summary>Scores as the test sets' authors define them, as fractions.</summary>
public static class Metrics
{
    /// <summary>One tally per label over texts with any number of true and given labels.</summary>
    /// <exception cref="UsageException">A true label is none of <paramref name="labels"/>.</exception>
    public static Tally[] PerLabel(IReadOnlyList<string> labels, IEnumerable<(IReadOnlyList<string> True, IReadOnlyList<string> Given)> answers)
    {
        var tallies = new Tally[labels.Count];
        var places = labels.Select((label, i) => (label, i)).ToDictionary(p => p.label, p => p.i);
        foreach (var (truth, given) in answers)
        {
            foreach (var label in truth)
            {
                if (!places.TryGetValue(label, out var place))
                    throw new UsageException($"the test set has the label {label}, the package's task has {string.Join(", ", labels)}; leave the task out with --tasks.");
                tallies[place].True++;
            }

            foreach (var label in given)
            {
                tallies[places[label]].Given++;
                if (truth.Contains(label)) tallies[places[label]].Right++;
            }
        }

        return tallies;
    }

    public static double MacroF1(Tally[] tallies) => tallies.Average(t => t.F1);

    public static double MacroRecall(Tally[] tallies) => tallies.Average(t => t.Recall);

    /// <summary>F1 over items that are found or not, such as words and spans.</summary>
    public static Tally Items<T>(IEnumerable<(IReadOnlyList<T> True, IReadOnlyList<T> Given)> answers)
        where T : notnull
    {
        var tally = new Tally();
        foreach (var (truth, given) in answers)
        {
            tally.True += truth.Count;
            tally.Given += given.Count;
            var left = truth.GroupBy(t => t).ToDictionary(g => g.Key, g => g.Count());
            foreach (var item in given)
            {
                if (!left.TryGetValue(item, out var count) || count == 0) continue;
                left[item] = count - 1;
                tally.Right++;
            }
        }

        return tally;
    }

    /// <summary>Spans of BIO tags: [first, past the last) and kind. An I- without its B- opens a span, as in conlleval.</summary>
    public static List<(int Start, int End, string Kind)> Spans(IReadOnlyList<string> tags)
    {
        var labels = tags.Distinct().ToList();
        var bio = new BioLabels(labels);
        var spans = new List<WordSpan>();
        bio.AddSpans([.. tags.Select(tag => labels.IndexOf(tag))], spans);
        return [.. spans.Select(s => (s.First, s.End, bio.Types[s.Type]))];
    }
}
