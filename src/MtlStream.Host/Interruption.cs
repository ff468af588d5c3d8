namespace MtlStream.Host;

/// <summary>What happens between a signal and the end of a command.</summary>
internal static class Interruption
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Commands that take their time after a signal: they finish what they have received, and leave nothing half done. The others may
    /// be inside a call that a broker does not answer; nothing is lost when the process ends in it.
    /// </summary>
    private static readonly string[] s_finishing = ["run", "demo", "annotate", "replay", "teach"];

    /// <returns>The command's exit code; null when it had not ended some time after a signal, and is left as it is.</returns>
    public static async Task<int?> ExitCodeAsync(Task<int> running, string command, CancellationToken stopping)
    {
        var signal = Task.Delay(Timeout.InfiniteTimeSpan, stopping);
        if (await Task.WhenAny(running, signal) == running) return await running;
        if (await Task.WhenAny(running, Task.Delay(s_patience, CancellationToken.None)) == running) return await running;
        if (!s_finishing.Contains(command)) return null;
        if (command != "run") await Console.Error.WriteLineAsync("mtlstream: finishing what was read; a second signal ends it at once.");
        return await running;
    }
}
