using System.Diagnostics;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>A real <c>mtlstream studio</c>.</summary>
internal sealed class StudioProcess : IDisposable
{
    private readonly Process _process;

    private StudioProcess(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    /// <summary>Starts it, and returns when it can be opened.</summary>
    public static async Task<StudioProcess> StartAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "mtlstream"), ["studio", "--port", "0", "--no-browser", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = Process.Start(start)!;
        process.BeginErrorReadLine();
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The studio ended.");
        return new(process, new(line.Split(' ')[0]));
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
