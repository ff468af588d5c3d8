using MtlStream.Bench;

namespace MtlStream.Tests.Bench;

public sealed class RateMeterTests
{
    [Fact]
    public void The_rate_is_the_slope_of_the_count()
    {
        var rate = RateMeter.Slope([.. Enumerable.Range(0, 50).Select(i => (i * 0.02, 100L + (20 * i)))]);

        Assert.Equal(1000, rate, 6);
    }

    [Fact]
    public void Commits_in_bursts_do_not_bend_the_rate()
    {
        // 1000 events/s, acknowledged 500 at a time, looked at for ten seconds and a bit more.
        var rate = RateMeter.Slope([.. Enumerable.Range(0, 520).Select(i => (i * 0.02, 500L * (i * 0.02 >= 0.5 ? (long)(i * 0.02 / 0.5) : 0)))]);

        Assert.InRange(rate, 990, 1010);
    }

    [Fact]
    public async Task Waiting_for_events_ends_when_what_brings_them_has_failed()
    {
        var meter = new RateMeter(TimeProvider.System);
        meter.Add(3);

        var failure = await Assert.ThrowsAsync<IOException>(() => meter.WatchAsync(10, Task.CompletedTask, CancellationToken.None));

        Assert.Equal("the run ended after 3 of 10 events.", failure.Message);
    }
}
