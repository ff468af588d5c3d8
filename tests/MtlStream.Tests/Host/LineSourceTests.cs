using System.Text;
using System.Threading.Channels;
using MtlStream.Events;
using MtlStream.Host.Lines;

namespace MtlStream.Tests.Host;

public sealed class LineSourceTests
{
    [Fact]
    public async Task Lines_that_were_read_and_not_handed_over_do_not_count()
    {
        using var stopping = new CancellationTokenSource();
        await using var reader = new LineRecords(new(new MemoryStream(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("x\n", 1000))))));
        var source = new LineSource(reader, "lines", TimeProvider.System);
        var channel = Channel.CreateBounded<IReadOnlyList<SourceRecord>>(1);

        var receiving = source.ReceiveAsync(channel.Writer, stopping.Token);
        await channel.Reader.WaitToReadAsync();
        await stopping.CancelAsync(); // what comes next finds no room
        await receiving;

        Assert.True(channel.Reader.TryRead(out var handedOver));
        Assert.Equal(handedOver.Count, source.Lines);
        Assert.False(source.ReachedEnd);
    }
}
