using MtlStream.Delivery;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Serving;

namespace MtlStream.Host.Diagnosis;

/// <summary>Looks whether the temporary folder takes the copies of packages that the worker makes.</summary>
internal static class TemporaryDiagnosis
{
    /// <summary>Null where nothing is wrong, or no copy is made.</summary>
    public static Finding? Find(ModelOptions options) => Problem(options) is { } problem ? new(Severity.Failure, "temporary", problem) : null;

    /// <summary>Why a worker with these settings cannot start for want of it; null when it can.</summary>
    public static string? Problem(ModelOptions options)
    {
        var copied = new List<string>();
        if (options.ReloadInterval > TimeSpan.Zero && !options.ConstantLabels) copied.Add(options.Path);
        if (options.Shadow.Length > 0) copied.Add(options.Shadow);
        return copied.Count == 0 ? null : TemporaryFolder.Problem(copied.Max(Size)); // one after the other, and each is removed
    }

    private static long Size(string path)
    {
        try
        {
            return new DirectoryInfo(ModelLoader.Find(path).Folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
        }
        catch (Exception exception) when (exception is UsageException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return 0; // the package is looked at elsewhere
        }
    }
}
