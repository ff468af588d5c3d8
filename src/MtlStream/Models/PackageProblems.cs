namespace MtlStream.Models;

/// <summary>What is wrong with a package, all in one message.</summary>
public static class PackageProblems
{
    /// <param name="place">The folder or file that it is about.</param>
    /// <param name="problems">A sentence each.</param>
    public static InvalidDataException Of(string place, IReadOnlyList<string> problems)
    {
        ArgumentNullException.ThrowIfNull(problems);
        return new($"{place}: {problems.Count} problem(s):{string.Concat(problems.Select(p => $"{Environment.NewLine}  {p}"))}");
    }
}
