namespace MtlStream.Text;

/// <summary>Finds the name that was probably meant.</summary>
public static class Nearest
{
    /// <returns>The known name that is least far from the wrong one; null when none is near.</returns>
    public static string? Of(string wrong, IEnumerable<string> known)
    {
        var nearest = known.MinBy(name => Distance(wrong, name));
        return nearest is not null && Distance(wrong, nearest) <= Math.Max(2, wrong.Length / 3) ? nearest : null;
    }

    /// <summary>The end of a sentence: the name that was probably meant, or all that there are.</summary>
    public static string Suggest(string wrong, IEnumerable<string> known)
    {
        var names = known.ToList();
        return Of(wrong, names) is { } nearest ? $"; did you mean {nearest}?" : $"; there are {string.Join(", ", names)}.";
    }

    /// <summary>Levenshtein distance, letter case ignored.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var same = char.ToUpperInvariant(a[i - 1]) == char.ToUpperInvariant(b[j - 1]);
                var changed = diagonal + (same ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(Math.Min(row[j], row[j - 1]) + 1, changed);
            }
        }

        return row[^1];
    }
}
