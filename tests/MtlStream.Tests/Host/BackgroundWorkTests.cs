using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MtlStream.Host.Worker;

namespace MtlStream.Tests.Host;

public sealed class BackgroundWorkTests
{
    private readonly FakeLogger _log = new();

    [Fact]
    public async Task Work_that_fails_is_told_of_at_once_and_costs_neither_the_others_nor_the_end()
    {
        var ended = new TaskCompletionSource();
        await using (var background = new BackgroundWork(_log))
        {
            background.Start("the one", _ => throw new InvalidOperationException("xyzzy"));
            background.Start("the other", stopping => Task.Delay(Timeout.Infinite, stopping).ContinueWith(_ => ended.SetResult(), TaskScheduler.Default));
            await Diagnostics.ModelSwapTests.Until(() => _log.Collector.Count > 0);
            Assert.False(ended.Task.IsCompleted);
        }

        Assert.True(ended.Task.IsCompleted);
        var line = Assert.Single(_log.Collector.GetSnapshot());
        Assert.Equal(LogLevel.Error, line.Level);
        Assert.Contains("ended the one;", line.Message, StringComparison.Ordinal);
        Assert.Contains(typeof(InvalidOperationException).FullName!, line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Work_that_ends_as_asked_is_not_told_of()
    {
        await using (var background = new BackgroundWork(_log)) background.Start("it", stopping => Task.Delay(Timeout.Infinite, stopping));

        Assert.Equal(0, _log.Collector.Count);
    }
}
