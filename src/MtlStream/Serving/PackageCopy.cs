namespace MtlStream.Serving;

/// <summary>A private copy of a package: nobody writes to it while it is read. Dispose removes its files.</summary>
/// <remarks>
/// On Linux a loaded model keeps what it has mapped of a removed file, so the copy can go once the model is loaded. A copy whose
/// process was killed meanwhile is removed by the next one that is made.
/// </remarks>
public sealed class PackageCopy : IDisposable
{
    private const string Prefix = "mtlstream-model-";
    private const string LockSuffix = ".lock";

    private readonly string _package;
    private readonly FileStream _lock; // held for as long as the process lives: what can be locked is nobody's any more

    private PackageCopy(string folder, string package)
    {
        Folder = folder;
        _package = package;
        _lock = new(folder + LockSuffix, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
    }

    public string Folder { get; }

    /// <exception cref="IOException">A file went away or is unreadable, or the temporary folder takes no copy.</exception>
    public static PackageCopy Of(string package)
    {
        var copy = new PackageCopy(TemporaryFolder.Create(Prefix), package);
        try
        {
            RemoveAbandoned();
            copy.Take(new DirectoryInfo(package), copy.Folder);
            return copy;
        }
        catch (IOException exception)
        {
            copy.Dispose();
            throw TemporaryFolder.Explained(exception);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>A message about the copy as one about the package: the copy is gone when it is read.</summary>
    public string Original(string message) => message.Replace(Folder, _package, StringComparison.Ordinal);

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        _lock.Dispose();
    }

    private void Take(DirectoryInfo from, string to)
    {
        foreach (var entry in from.EnumerateFileSystemInfos())
        {
            var target = Path.Combine(to, entry.Name);
            // A volume of Kubernetes holds its files in a folder, with links to that folder and into it: one copy will do.
            if (LeadsWithin(entry, from)) File.CreateSymbolicLink(target, entry.LinkTarget!);
            else if (entry is DirectoryInfo folder) Take(folder, Directory.CreateDirectory(target).FullName);
            else File.Copy(entry.FullName, target);
        }
    }

    /// <summary>True for a link that leads to another place of the package by a path that leads there in a copy, too.</summary>
    private bool LeadsWithin(FileSystemInfo entry, DirectoryInfo parent)
    {
        if (entry.LinkTarget is not { } target || Path.IsPathRooted(target)) return false;
        var leadsTo = Path.GetFullPath(Path.Combine(parent.FullName, target));
        return (leadsTo + Path.DirectorySeparatorChar).StartsWith(Path.GetFullPath(_package) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }

    private static void RemoveAbandoned()
    {
        var accessible = new EnumerationOptions { IgnoreInaccessible = true };
        foreach (var path in Directory.EnumerateFiles(Path.GetTempPath(), $"{Prefix}*{LockSuffix}", accessible))
        {
            try
            {
                using var abandoned = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
                Directory.Delete(path[..^LockSuffix.Length], recursive: true);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // somebody's, or gone meanwhile
            }
        }
    }
}
