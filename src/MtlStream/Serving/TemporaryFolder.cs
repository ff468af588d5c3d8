namespace MtlStream.Serving;

/// <summary>Where copies of packages are made: <c>TMPDIR</c>, without it <c>/tmp</c>.</summary>
public static class TemporaryFolder
{
    private const int NoSpace = 28; // ENOSPC, which is where .NET leaves it

    private const string Remedy = "set TMPDIR to a folder that is there, may be written and has room";

    /// <summary>Why it cannot take a copy, and what to do; null when it can.</summary>
    /// <param name="bytes">Size of the copy.</param>
    public static string? Problem(long bytes)
    {
        try
        {
            Directory.Delete(Create("mtlstream-check-"));
            var free = new DriveInfo(Path.GetTempPath()).AvailableFreeSpace;
            return free >= bytes ? null : $"The temporary folder {Path.GetTempPath()} has {Megabytes(free)} MB of room, expected {Megabytes(bytes)} MB for copies of models: make room, or {Remedy}.";
        }
        catch (IOException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>Makes a folder in it whose name nothing else has.</summary>
    /// <exception cref="IOException">It cannot be; the message names it and what to do.</exception>
    public static string Create(string prefix)
    {
        try
        {
            return Directory.CreateTempSubdirectory(prefix).FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            var folder = Path.GetTempPath();
            var reason = Directory.Exists(folder) ? exception.Message : "there is no such folder";
            throw new IOException($"The temporary folder {folder} cannot be used: {reason}. Expected one for copies of models: {Remedy}.", exception);
        }
    }

    /// <summary>An error of writing into it as one that says what to do; any other as it is.</summary>
    public static IOException Explained(IOException exception) => exception.HResult == NoSpace
        ? new($"The temporary folder {Path.GetTempPath()} is full. Expected room for copies of models: {Remedy}.", exception)
        : exception;

    private static long Megabytes(long bytes) => (bytes + (1 << 20) - 1) >> 20;
}
