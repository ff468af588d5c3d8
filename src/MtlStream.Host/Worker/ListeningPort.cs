using System.Globalization;

namespace MtlStream.Host.Worker;

/// <summary>Finds who listens on a port of this machine, as Linux tells it below <c>/proc</c>.</summary>
internal static class ListeningPort
{
    private static readonly string[] s_tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    private const string Listening = "0A"; // TCP_LISTEN

    /// <returns>Such as <c>process 4711 (java)</c>; null where nobody does, or it is another user's.</returns>
    public static string? Holder(int port)
    {
        try
        {
            var sockets = s_tables.Where(File.Exists).SelectMany(file => Sockets(file, port)).ToHashSet();
            var folder = sockets.Count == 0 ? null : Directory.EnumerateDirectories("/proc").FirstOrDefault(process => Holds(process, sockets));
            return folder is null ? null : $"process {Path.GetFileName(folder)} ({File.ReadAllText(Path.Combine(folder, "comm")).Trim()})";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The sockets that listen on a port, as links of their processes name them.</summary>
    private static IEnumerable<string> Sockets(string file, int port) =>
        from line in File.ReadLines(file).Skip(1)
        let fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        where fields.Length > 9 && fields[3] == Listening && fields[1].EndsWith(":" + port.ToString("X4", CultureInfo.InvariantCulture), StringComparison.Ordinal)
        select $"socket:[{fields[9]}]";

    private static bool Holds(string process, HashSet<string> sockets)
    {
        if (!int.TryParse(Path.GetFileName(process), CultureInfo.InvariantCulture, out _)) return false;
        try
        {
            return Directory.EnumerateFiles(Path.Combine(process, "fd")).Any(file => new FileInfo(file).LinkTarget is { } link && sockets.Contains(link));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false; // it has ended, or is another user's
        }
    }
}
