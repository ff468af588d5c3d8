namespace MtlStream.Host.Pictures;

/// <summary>What standard output can show.</summary>
internal static class Terminal
{
    private const int UnknownWidth = 80;

    /// <summary>Whether colours may be written to it: a terminal that knows them, and nobody said <c>NO_COLOR</c> (https://no-color.org).</summary>
    public static bool ShowsColors =>
        !Console.IsOutputRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>Cells of a line; 80 where there is no terminal, or none that says.</summary>
    public static int Width => Console.IsOutputRedirected || Console.WindowWidth <= 0 ? UnknownWidth : Console.WindowWidth;
}
