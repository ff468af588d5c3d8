using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Waits for conditions, never for times.</summary>
internal static class Wait
{
    public static async Task Until(
        Func<bool> condition, TimeSpan? deadline = null, Func<string>? log = null, [CallerArgumentExpression(nameof(condition))] string? what = null)
    {
        var since = Stopwatch.StartNew();
        while (!condition())
        {
            if (since.Elapsed > (deadline ?? TimeSpan.FromMinutes(2)))
                Assert.Fail($"Did not happen in {since.Elapsed.TotalSeconds:0} s: {what}\n{log?.Invoke() ?? TestLog.Newest}");
            await Task.Delay(20);
        }
    }
}
