namespace MtlStream.Host;

/// <summary>What is new in a text, and what is gone, line by line.</summary>
internal static class LineDifference
{
    private const int Around = 2;

    /// <summary>Lines that begin with <c>+</c>, <c>-</c> or two blanks; of what is the same only what is around.</summary>
    /// <remarks>One place is looked for: the lines that both begin and end with are left out.</remarks>
    public static IEnumerable<string> Of(string before, string after)
    {
        var (old, now) = (before.Split('\n'), after.Split('\n'));
        var start = 0;
        while (start < old.Length && start < now.Length && old[start] == now[start]) start++;
        var same = 0;
        while (same < old.Length - start && same < now.Length - start && old[^(same + 1)] == now[^(same + 1)]) same++;
        foreach (var line in now[Math.Max(0, start - Around)..start]) yield return "  " + line;
        foreach (var line in old[start..(old.Length - same)]) yield return "- " + line;
        foreach (var line in now[start..(now.Length - same)]) yield return "+ " + line;
        foreach (var line in now[(now.Length - same)..Math.Min(now.Length, now.Length - same + Around)]) yield return "  " + line;
    }
}
