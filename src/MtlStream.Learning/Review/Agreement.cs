namespace MtlStream.Learning.Review;

/// <summary>How far people agree beyond chance.</summary>
public static class Agreement
{
    /// <summary>Krippendorff's alpha for names: 1 where all agree, 0 where they agree as often as chance would.</summary>
    /// <remarks>
    /// Any number of people, of whom each may have answered some. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011:
    /// https://repository.upenn.edu/handle/20.500.14332/2089. For two people who answered everything it is close to Cohen's kappa.
    /// </remarks>
    /// <param name="units">For each question what each person said.</param>
    /// <returns>Null where no two people answered the same question, or all said the same everywhere.</returns>
    public static double? Alpha(IEnumerable<IReadOnlyList<string>> units)
    {
        var coincidences = new Dictionary<(string, string), double>();
        foreach (var values in units.Where(u => u.Count > 1)) Count(values, coincidences);
        var totals = coincidences.GroupBy(c => c.Key.Item1).ToDictionary(g => g.Key, g => g.Sum(c => c.Value));
        var all = totals.Values.Sum();
        var expected = (all * all) - totals.Values.Sum(t => t * t);
        if (expected <= 0) return null;
        var observed = coincidences.Where(c => c.Key.Item1 != c.Key.Item2).Sum(c => c.Value);
        return 1 - ((all - 1) * observed / expected);
    }

    /// <summary>The same of all answers about a task; answers of those who could not tell are left out.</summary>
    public static double? Alpha(AnswerBook book, string task)
    {
        ArgumentNullException.ThrowIfNull(book);
        return Alpha(book.Verdicts(task).Select(v => (IReadOnlyList<string>)[.. v.Answers.Select(a => AnswerBook.ValueOf(a.Labels!))]));
    }

    /// <summary>Adds every ordered pair of two people's values, each unit weighing as many as its values.</summary>
    private static void Count(IReadOnlyList<string> values, Dictionary<(string, string), double> coincidences)
    {
        for (var one = 0; one < values.Count; one++)
        {
            for (var other = 0; other < values.Count; other++)
            {
                if (one == other) continue;
                var pair = (values[one], values[other]);
                coincidences[pair] = coincidences.GetValueOrDefault(pair) + (1.0 / (values.Count - 1));
            }
        }
    }
}
