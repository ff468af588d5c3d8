using System.CommandLine;
using MtlStream.Generation;

namespace MtlStream.Host;

/// <summary><c>--generate NAME[=DIR]</c>: texts that are written about every event beside the labels.</summary>
internal static class GenerateOption
{
    public static Option<string[]> Build() => CommonOptions.List(
        "--generate", "Have a text written about every event: NAME of those that the model writes, or NAME=DIR for a package that model import wrote.", "NAME[=DIR]");

    /// <summary>Folders by name; "" for the model's own.</summary>
    /// <exception cref="UsageException">Something else was given.</exception>
    public static IReadOnlyDictionary<string, string> FoldersOf(string[]? given)
    {
        var all = given ?? [];
        var own = all.Where(one => one.Length > 0 && !one.Contains('=', StringComparison.Ordinal)).Distinct().ToList();
        var folders = CommonOptions.Named("--generate", "NAME or NAME=DIR", [.. all.Except(own)]);
        foreach (var name in own) folders.TryAdd(name, "");
        return folders;
    }

    /// <summary>Loads packages beside a model, which is disposed when one of them cannot be had.</summary>
    /// <param name="offered">Whether the texts that the model writes itself can be asked for by each event, too.</param>
    /// <returns>Owns all of them.</returns>
    /// <exception cref="UsageException">A folder is not there, or a name is a task's.</exception>
    /// <exception cref="InvalidDataException">A package is not what its manifest says.</exception>
    public static LoadedModel Beside(this LoadedModel labels, IReadOnlyDictionary<string, string> folders, ToolServices tool, bool offered = false)
    {
        var named = folders.Where(f => f.Value.Length > 0).ToDictionary();
        foreach (var name in offered ? GeneratorManifest.NamesIn(labels.Manifest.Folder) : []) named.TryAdd(name, labels.Manifest.Folder);
        return tool.Generators.Beside(labels, new() { Models = named }, string.Join(',', folders.Keys));
    }
}
