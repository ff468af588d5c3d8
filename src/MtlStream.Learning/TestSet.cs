using System.Text.Json;

namespace MtlStream.Learning;

/// <summary>Where a task's test texts are, how they are read, and what is measured on them.</summary>
/// <param name="Task">Name of the task in the package.</param>
/// <param name="Name">What tables call the set.</param>
/// <param name="Reader">How the files are read: one of <see cref="TestSetReader.Kinds"/>.</param>
/// <param name="Files">Relative to the folder of the test sets, in the order in which the reader wants them.</param>
/// <param name="Metrics">In the order in which they are printed.</param>
public sealed record TestSet(string Task, string Name, string Reader, IReadOnlyList<string> Files, IReadOnlyList<string> Metrics)
{
    /// <summary>The file that comes with the program.</summary>
    public const string FileName = "test-sets.json";

    /// <summary>Label names by their number, for readers whose files hold numbers only.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Behind the names of its metrics, where a task has several sets: <c>rouge1.bbc</c>. Empty: nothing.</summary>
    public string Suffix { get; init; } = "";

    /// <summary>Whether its texts are among those of the batch-invariance check.</summary>
    public bool Flips { get; init; }

    /// <summary>Reads a list of test sets.</summary>
    /// <param name="path">Null for the list that comes with the program.</param>
    /// <exception cref="UsageException">The file cannot be read, or is no such list.</exception>
    public static IReadOnlyList<TestSet> Load(string? path = null)
    {
        var file = path ?? Path.Combine(AppContext.BaseDirectory, FileName);
        try
        {
            using var stream = File.OpenRead(file);
            var sets = JsonSerializer.Deserialize<List<TestSet>>(stream, JsonSerializerOptions.Web) ?? [];
            foreach (var set in sets) set.Check(file);
            return sets;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new UsageException($"{file} cannot be read as a list of test sets: {exception.Message}", exception);
        }
    }

    private void Check(string file)
    {
        if (Task is null || Name is null || Files is not { Count: > 0 } || Metrics is not { Count: > 0 })
            throw new UsageException($"{file}: a test set needs task, name, reader, files and metrics.");
        if (!TestSetReader.Kinds.Contains(Reader))
            throw new UsageException($"{file}: {Task} has the reader '{Reader}', expected one of {string.Join(", ", TestSetReader.Kinds)}.");
    }
}
