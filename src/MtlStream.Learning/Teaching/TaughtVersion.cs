using System.Globalization;

namespace MtlStream.Learning.Teaching;

/// <summary>Versions of packages that tasks were added to and taken from: what was done stands behind +, once for each task.</summary>
/// <remarks>1.7.0+without-topic.refund.2: topic was taken away, then refund was taught, the second of that name. https://semver.org, build metadata.</remarks>
internal static class TaughtVersion
{
    private const string Without = "without-";

    /// <summary>The version of a package with a task more.</summary>
    public static string Taught(string version, string task) => Next(version, task, task, more: 1);

    /// <summary>The version of a package with a task less.</summary>
    public static string Forgotten(string version, string task) => Next(version, task, Without + task, more: 0);

    private static string Next(string version, string task, string done, int more)
    {
        var parts = version.Split('+', 2);
        var before = parts.Length == 1 ? [] : Done(parts[1]);
        var same = before.Where(d => d.Name == task || d.Name == Without + task).ToList();
        var times = same.Sum(d => d.Times) + more;
        before.RemoveAll(same.Contains);
        before.Add((done, Math.Max(1, times)));
        return $"{parts[0]}+{string.Join('.', before.Select(Text))}";
    }

    /// <summary>What was done, a number that stands behind a name with it.</summary>
    private static List<(string Name, int Times)> Done(string metadata)
    {
        var done = new List<(string Name, int Times)>();
        foreach (var identifier in metadata.Split('.'))
        {
            var isNumber = int.TryParse(identifier, NumberStyles.None, CultureInfo.InvariantCulture, out var times);
            if (isNumber && done.Count > 0) done[^1] = (done[^1].Name, times);
            else done.Add((identifier, 1));
        }

        return done;
    }

    private static string Text((string Name, int Times) done) =>
        done.Times == 1 ? done.Name : string.Create(CultureInfo.InvariantCulture, $"{done.Name}.{done.Times}");
}
