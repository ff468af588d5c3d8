using MtlStream.Diagnostics;
using MtlStream.Tests.Kafka;

namespace MtlStream.Tests.Diagnostics;

public sealed class RepeatedLinesTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void A_line_comes_once_in_half_a_minute_with_how_often_it_came()
    {
        var limiter = new RepeatedLines(_time);

        Assert.True(limiter.TryTake("down", out var times));
        Assert.Equal("down", RepeatedLines.WithCount("down", times));
        for (var i = 0; i < 9; i++) Assert.False(limiter.TryTake("down", out _));
        Assert.True(limiter.TryTake("another", out _));

        _time.Pass(RepeatedLines.Once);
        Assert.True(limiter.TryTake("down", out times));
        Assert.Equal("down (10 times in 30 s)", RepeatedLines.WithCount("down", times));
        Assert.False(limiter.TryTake("down", out _));
    }

    [Fact]
    public void Lines_that_never_repeat_are_not_kept()
    {
        var limiter = new RepeatedLines(_time);

        for (var i = 0; i < 10_000; i++) Assert.True(limiter.TryTake($"line {i}", out _));

        Assert.True(limiter.TryTake("line 0", out _));
    }
}
