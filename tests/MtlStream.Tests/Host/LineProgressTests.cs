using Microsoft.Extensions.Time.Testing;
using MtlStream.Events;
using MtlStream.Host.Lines;
using Spectre.Console;

namespace MtlStream.Tests.Host;

public sealed class LineProgressTests : IDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(3);

    private readonly FakeTimeProvider _time = new();
    private readonly TaskCompletionSource _work = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringWriter _terminal = new();

    [Theory]
    [InlineData(0.25, "25%")]
    [InlineData(1.0, "100%")]
    [InlineData(null, "1,000 texts, 3 rejected, 100 texts/s")]
    public async Task It_says_how_far_and_how_fast(double? share, string shown)
    {
        var progress = new LineProgress(_time, () => new(1000, 3, share));
        _time.Advance(TimeSpan.FromSeconds(10));

        var run = progress.RunAsync(() => _work.Task, Terminal());
        _work.SetResult();
        await run.WaitAsync(s_deadline);

        Assert.Contains(shown, _terminal.ToString(), StringComparison.Ordinal);
        Assert.Contains("1,000 texts, 3 rejected, 100 texts/s", _terminal.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("1,000 texts, 3 rejected, 10.0 s, 100 texts/s\n", _terminal.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nothing_can_be_drawn_the_end_alone_is_told_with_every_reason()
    {
        var counts = new LineCounts(1000, 3, null) { WithoutText = 5, Reasons = [(RejectionReason.MissingText, 2), (RejectionReason.EmptyText, 1)] };
        var progress = new LineProgress(_time, () => counts);
        _time.Advance(TimeSpan.FromSeconds(10));

        await progress.RunAsync(() => Task.CompletedTask, _terminal);

        Assert.Equal("1,000 texts, 5 without text, 3 rejected (missing_text 2, empty_text 1), 10.0 s, 100 texts/s" + Environment.NewLine, _terminal.ToString());
    }

    [Fact]
    public async Task A_failure_of_the_work_is_passed_on_behind_the_summary()
    {
        var progress = new LineProgress(_time, () => new(7, 0, null));
        _time.Advance(TimeSpan.FromSeconds(1));

        var run = progress.RunAsync(() => _work.Task, Terminal());
        _work.SetException(new IOException("the disk is full"));

        await Assert.ThrowsAsync<IOException>(() => run.WaitAsync(s_deadline));
        Assert.EndsWith("7 texts, 0 rejected, 1.0 s, 7 texts/s\n", _terminal.ToString(), StringComparison.Ordinal);
    }

    /// <summary>The input is closed right after: a look at it then would end the process.</summary>
    [Fact]
    public async Task What_is_read_is_not_looked_at_after_the_end()
    {
        using var drawing = new ManualResetEventSlim();
        using var looked = new ManualResetEventSlim();
        var reads = 0;
        var progress = new LineProgress(_time, () =>
        {
            if (++reads == 1) return new(0, 0, 0.5);
            looked.Set();
            drawing.Wait(s_deadline); // preempted in the middle of a look
            return new(1, 0, 0.5);
        });

        var run = Task.Run(() => progress.RunAsync(() => _work.Task, Terminal()));
        Assert.True(looked.Wait(s_deadline));
        _work.SetResult();
        Assert.False(run.IsCompleted);
        drawing.Set();
        await run.WaitAsync(s_deadline);

        var atTheEnd = reads;
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(atTheEnd, reads);
    }

    public void Dispose() => _terminal.Dispose();

    private IAnsiConsole Terminal() => AnsiConsole.Create(new()
    {
        Ansi = AnsiSupport.Yes,
        Interactive = InteractionSupport.Yes,
        ColorSystem = ColorSystemSupport.NoColors,
        Out = new WideOutput(_terminal),
    });

    private sealed class WideOutput(TextWriter writer) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => true;

        public int Width => 200;

        public int Height => 50;

        public void SetEncoding(System.Text.Encoding encoding)
        {
            // strings have none
        }
    }
}
