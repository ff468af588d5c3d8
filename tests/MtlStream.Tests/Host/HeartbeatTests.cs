using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Host.Worker;
using MtlStream.Results;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Host;

/// <summary>What a worker says of its events: rejections as they come, one line a minute, totals at the end.</summary>
public sealed class HeartbeatTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly FakeLogger<EventTally> _log = new();
    private readonly EventTally _tally;
    private readonly WaitingTransport _waiting = new();
    private readonly TalliedTransport _transport;
    private readonly Heartbeat _heartbeat;

    public HeartbeatTests()
    {
        _tally = new(_time, _log);
        _transport = new(_waiting, _tally);
        _heartbeat = new(_tally, _transport, _time, _log);
    }

    public async ValueTask DisposeAsync()
    {
        await _transport.DisposeAsync();
        await _waiting.DisposeAsync();
    }

    [Fact]
    public async Task The_first_rejection_of_a_reason_is_warned_of_at_once_the_others_counted()
    {
        await RejectAsync(RejectionReason.MissingText, 500);
        await RejectAsync(RejectionReason.EmptyText, 1);

        Assert.Equal(
            [
                "1 rejected as missing_text, for example input [0] at offset 0: no text here",
                "1 rejected as empty_text, for example input [0] at offset 0: no text here",
            ],
            Warnings());

        _time.Advance(TimeSpan.FromMinutes(1));
        await RejectAsync(RejectionReason.MissingText, 1);

        Assert.Equal("500 rejected as missing_text, for example input [0] at offset 0: no text here", Warnings().Last());
    }

    [Fact]
    public async Task A_minute_is_one_line_and_nothing_where_nothing_came_and_nothing_waits()
    {
        await PublishAsync(30);
        await RejectAsync(RejectionReason.MissingText, 2);
        _waiting.Lags = [new("in", 0, 40), new("in", 1, 2)];

        Assert.Equal([(LogLevel.Information, "0.5 events/s: 30 published, 2 rejected (missing_text 2), 42 waiting.")], Minute());

        _waiting.Lags = [];
        Assert.Empty(Minute());
        Assert.Empty(Minute());
        await PublishAsync(6);
        Assert.Equal("0.1 events/s: 6 published, 0 rejected, 0 waiting.", Assert.Single(Minute()).Line);
    }

    [Fact]
    public async Task The_line_comes_by_itself_until_the_run_is_over()
    {
        using var over = new CancellationTokenSource();
        var beats = _heartbeat.RunAsync(over.Token);
        await PublishAsync(30);

        await _time.PassUntilAsync(TimeSpan.FromSeconds(20), Until(() => _log.Collector.Count > 0));
        await over.CancelAsync();
        await beats;

        Assert.Contains(": 30 published, 0 rejected, 0 waiting.", _log.LatestRecord.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_minute_in_which_all_was_rejected_is_a_warning_that_says_what_to_do()
    {
        await RejectAsync(RejectionReason.MissingText, 12);

        var (level, line) = Assert.Single(Minute());

        Assert.Equal(LogLevel.Warning, level);
        Assert.StartsWith("All 12 events of the last minute were rejected (missing_text 12), 0.2 a second; 0 wait. `mtlstream doctor`", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_says_what_it_was_in_all_and_counts_neither_copies_nor_what_is_read_again()
    {
        await PublishAsync(3);
        await RejectAsync(RejectionReason.WrongType, 1);
        var record = Make.Outbound(Make.Record(0));
        _tally.Add(record, PublishOutcome.Dropped);
        _tally.Add(record, PublishOutcome.Refused);
        await _transport.Sink.PublishAsync(record with { Destination = Destination.Review }, Ignore, default);
        _time.Advance(TimeSpan.FromHours(25));

        _heartbeat.Total();

        Assert.Equal("In all: 3 events published, 1 rejected (wrong_type 1), in 1.01:00:00.", _log.LatestRecord.Message);
    }

    /// <summary>Lets a minute pass and gives what is said of it.</summary>
    private IReadOnlyList<(LogLevel Level, string Line)> Minute()
    {
        _log.Collector.Clear();
        _time.Advance(Heartbeat.Interval);
        _heartbeat.Beat();
        return [.. _log.Collector.GetSnapshot().Select(r => (r.Level, r.Message))];
    }

    private static async Task Until(Func<bool> happened)
    {
        while (!happened()) await Task.Yield();
    }

    private async Task PublishAsync(int count)
    {
        for (var i = 0; i < count; i++) await _transport.Sink.PublishAsync(Make.Outbound(Make.Record(i)), Ignore, default);
    }

    private async Task RejectAsync(RejectionReason reason, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var letter = EventEncoder.EncodeDeadLetter(new(reason, "decode", "no text here", Make.Record(0)));
            await _transport.Sink.PublishAsync(letter, Ignore, default);
        }
    }

    private IEnumerable<string> Warnings() => _log.Collector.GetSnapshot().Where(r => r.Level == LogLevel.Warning).Select(r => r.Message);

    private static void Ignore(OutboundRecord record, PublishOutcome outcome, PublishRefusal? refusal)
    {
    }

    private sealed class WaitingTransport : ITransport
    {
        public IEventSource Source => throw new NotSupportedException();
        public IOutboundSink Sink { get; } = new RecordingSink();
        public MessagingNames Names => MessagingNames.InProcess;
        public IReadOnlyList<PartitionLag> Lags { get; set; } = [];

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
