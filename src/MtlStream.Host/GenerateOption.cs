using System.CommandLine;

namespace MtlStream.Host;

/// <summary><c>--generate NAME=DIR</c>: packages that write a text about every event beside the labels.</summary>
internal static class GenerateOption
{
    public static Option<string[]> Build() => CommonOptions.List(
        "--generate", "Have packages that model import wrote each write a text about every event; the name is what results call it.", "NAME=DIR");

    /// <summary>Folders by name.</summary>
    /// <exception cref="UsageException">Something else was given.</exception>
    public static IReadOnlyDictionary<string, string> FoldersOf(string[]? given) => CommonOptions.Named("--generate", "NAME=DIR", given ?? []);

    /// <summary>Loads packages beside a model, which is disposed when one of them cannot be had.</summary>
    /// <returns>Owns all of them.</returns>
    /// <exception cref="UsageException">A folder is not there, or a name is a task's.</exception>
    /// <exception cref="InvalidDataException">A package is not what its manifest says.</exception>
    public static LoadedModel Beside(this LoadedModel labels, IReadOnlyDictionary<string, string> folders, ToolServices tool) =>
        tool.Generators.Beside(labels, new() { Models = folders }, string.Join(',', folders.Keys));
}
