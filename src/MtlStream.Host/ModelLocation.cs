namespace MtlStream.Host;

/// <summary>Finds the model package.</summary>
internal static class ModelLocation
{
    /// <summary><c>Model:Path</c> that means: no model, constant labels. For measuring everything around the model.</summary>
    public const string NullModel = "null";

    /// <summary>The package that <paramref name="path"/> names, or the one that comes with the program when it is empty.</summary>
    /// <returns>Full path of a folder with a <c>model.json</c>.</returns>
    /// <exception cref="UsageException">There is none.</exception>
    public static string Resolve(string path)
    {
        if (path.Length > 0)
        {
            var folder = Path.GetFullPath(path);
            if (File.Exists(Path.Combine(folder, "model.json"))) return folder;
            throw new UsageException(Directory.Exists(folder)
                ? $"the model folder {folder} has no model.json."
                : $"the model folder {folder} does not exist.");
        }

        var shipped = Path.Combine(AppContext.BaseDirectory, "models");
        var packages = Directory.Exists(shipped)
            ? Directory.GetDirectories(shipped).Where(d => File.Exists(Path.Combine(d, "model.json"))).ToList() : [];
        return packages switch
        {
            [var only] => only,
            [] => throw new UsageException($"there is no model package in {shipped}: name one with --model DIR or Model:Path."),
            _ => throw new UsageException($"there are {packages.Count} model packages in {shipped}: name one with --model DIR or Model:Path."),
        };
    }
}
