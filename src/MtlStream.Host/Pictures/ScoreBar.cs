using System.Globalization;

namespace MtlStream.Host.Pictures;

/// <summary>A probability as a bar of block characters, and as a number.</summary>
internal static class ScoreBar
{
    public const int Cells = 12;

    private const string Parts = " ▏▎▍▌▋▊▉"; // eighths of a cell

    /// <param name="score">From 0 to 1.</param>
    /// <returns>Always <see cref="Cells"/> cells wide.</returns>
    public static string Of(double score)
    {
        var eighths = (int)Math.Round(Math.Clamp(score, 0, 1) * Cells * 8);
        var bar = new string('█', eighths / 8);
        if (eighths % 8 > 0) bar += Parts[eighths % 8];
        return bar.PadRight(Cells);
    }

    public static string Number(double score) => score.ToString("0.00", CultureInfo.InvariantCulture);
}
