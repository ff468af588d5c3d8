namespace MtlStream.Tests.Http;

internal static class Wait
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    /// <summary>Returns when a condition holds.</summary>
    public static async Task UntilAsync(Func<bool> holds)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < s_patience, "The condition did not come to hold within two minutes.");
            await Task.Delay(5);
        }
    }
}
