using System.ComponentModel;
using System.Runtime.InteropServices;

namespace MtlStream.Host.Review;

/// <summary>The link that workers serve a package from, such as <c>models/current</c>.</summary>
internal static partial class ServedLink
{
    /// <summary>Points a link to a package, from one moment to the next; makes it where it is missing.</summary>
    /// <exception cref="UsageException">There is something else of that name.</exception>
    /// <exception cref="IOException">It cannot be written; what was there stays.</exception>
    public static void Point(string link, string package)
    {
        var place = Path.GetFullPath(link).TrimEnd(Path.DirectorySeparatorChar);
        if (Path.Exists(place) && new DirectoryInfo(place).LinkTarget is null)
            throw new UsageException($"--to {link}: found a folder or a file, expected a link to a package, or nothing.");
        var folder = Path.GetDirectoryName(place)!;
        var beside = Path.Combine(folder, $".{Path.GetFileName(place)}.part");
        if (new DirectoryInfo(beside).LinkTarget is not null) File.Delete(beside);
        Directory.CreateSymbolicLink(beside, Path.GetRelativePath(folder, Path.GetFullPath(package)));
        // The library's own moves follow links, or do not overwrite.
        if (rename(beside, place) != 0) throw new IOException($"--to {link} cannot be written: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);
}
