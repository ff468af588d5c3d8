using MtlStream.Host.Lines;

namespace MtlStream.Tests.Host;

public sealed class ProgressBarTests
{
    [Theory]
    [InlineData(0.25, "[######..................] 25 % 1,000 lines, 3 rejected, 100 lines/s, 00:00:30 left")]
    [InlineData(0.0001, "[........................] 0 % 1,000 lines, 3 rejected, 100 lines/s, 27:46:30 left")]
    [InlineData(1.0, "[########################] 100 % 1,000 lines, 3 rejected, 100 lines/s")]
    [InlineData(null, "1,000 lines, 3 rejected, 100 lines/s")]
    public void The_progress_bar_says_how_far_how_fast_and_how_long_still(double? share, string line) =>
        Assert.Equal(line, ProgressBar.Render(1000, 3, share, TimeSpan.FromSeconds(10)));
}
