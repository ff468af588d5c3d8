using MtlStream.Learning.Teaching;

namespace MtlStream.Tests.Learning;

/// <summary>Versions say what was done to a package, and do not pile up.</summary>
public sealed class TaughtVersionTests
{
    [Theory]
    [InlineData("1.7.0", "1.7.0+refund")]
    [InlineData("1.7.0+refund", "1.7.0+refund.2")] // another one of that name is told from the first
    [InlineData("1.7.0+without-refund", "1.7.0+refund.2")]
    [InlineData("1.7.0+refund.2.order", "1.7.0+order.refund.3")]
    [InlineData("1.7.0+without-topic", "1.7.0+without-topic.refund")]
    [InlineData("1.7.0+20261130.7", "1.7.0+20261130.7.refund")]
    public void A_task_that_is_taught(string version, string expected) => Assert.Equal(expected, TaughtVersion.Taught(version, "refund"));

    [Theory]
    [InlineData("1.7.0", "1.7.0+without-refund")]
    [InlineData("1.7.0+refund", "1.7.0+without-refund")]
    [InlineData("1.7.0+order.refund.2", "1.7.0+order.without-refund.2")]
    public void A_task_that_is_forgotten(string version, string expected) => Assert.Equal(expected, TaughtVersion.Forgotten(version, "refund"));

    [Fact]
    public void Teaching_and_forgetting_over_and_over_makes_no_long_name()
    {
        var version = "1.7.0";
        for (var i = 0; i < 5; i++) version = TaughtVersion.Forgotten(TaughtVersion.Taught(version, "refund"), "refund");

        Assert.Equal("1.7.0+without-refund.5", version);
    }
}
