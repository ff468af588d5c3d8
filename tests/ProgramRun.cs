using System.Diagnostics;

namespace MtlStream.Tests;

/// <summary>What a program said, and how it ended.</summary>
internal sealed record ProgramRun(int Code, string Output, string Error)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    /// <summary>Runs a program to its end; one that takes five minutes is ended.</summary>
    public static async Task<ProgramRun> OfAsync(ProcessStartInfo start, string input = "")
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync().WaitAsync(s_limit);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }

        return new(process.ExitCode, await output, await error);
    }

    /// <summary>Runs the built program to its end.</summary>
    public static Task<ProgramRun> OfMtlStreamAsync(params string[] arguments) =>
        OfAsync(new(Path.Combine(AppContext.BaseDirectory, "mtlstream"), arguments));
}
