using System.Diagnostics;
using System.Text.Json;
using System.Text;

namespace MtlStream.Tests.Host;

/// <summary>What a command said.</summary>
internal sealed record CliResult(int ExitCode, byte[] Output, string Error)
{
    /// <summary>Standard output without its line ends.</summary>
    public IReadOnlyList<string> Lines => Encoding.UTF8.GetString(Output).TrimEnd('\n') is { Length: > 0 } text ? text.Split('\n') : [];

    /// <summary>Standard error, read as dead letters.</summary>
    public IReadOnlyList<JsonElement> Rejects =>
        [.. Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonSerializer.Deserialize<JsonElement>(l))];
}

/// <summary>Runs the built program as a process of its own.</summary>
internal static class Cli
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "mtlstream");

    public static Task<CliResult> RunAsync(string input, params string[] arguments) => RunAsync(Encoding.UTF8.GetBytes(input), arguments);

    public static async Task<CliResult> RunAsync(byte[] input, params string[] arguments)
    {
        using var process = Start(arguments);
        var error = process.StandardError.ReadToEndAsync();
        using var output = new MemoryStream();
        var read = process.StandardOutput.BaseStream.CopyToAsync(output);
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading its input: the exit code says whether it should have.
        }

        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"mtlstream {string.Join(' ', arguments)} took longer than {s_limit}.");
        }

        await read;
        return new(process.ExitCode, output.ToArray(), await error);
    }

    /// <summary>Starts it without waiting; disposing it kills it.</summary>
    public static Process Start(params string[] arguments) => StartUnder(TestCulture.Locale, arguments);

    /// <param name="locale">Such as <c>de_DE.UTF-8</c>.</param>
    public static Process StartUnder(string locale, params string[] arguments) => StartBehind([], locale, arguments);

    /// <param name="before">What stands before the program on the command line of <c>env</c>: <c>NAME=VALUE</c>, or a command that starts it.</param>
    public static Process StartBehind(IEnumerable<string> before, string locale, params string[] arguments)
    {
        // A shell in the background ignores Ctrl+C, and so would what it starts.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", .. before, Program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.Environment["LC_ALL"] = locale;
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MTLSTREAM__", StringComparison.OrdinalIgnoreCase)).ToList())
            start.Environment.Remove(name);
        return new OwnedProcess(start);
    }

    public static void Signal(Process process, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{process.Id}"]);
        kill.WaitForExit();
    }
}
