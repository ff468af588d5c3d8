using Confluent.Kafka;
using Microsoft.Extensions.Logging;
using MtlStream.Diagnostics;

namespace MtlStream.Kafka;

/// <summary>Wakes the poll thread.</summary>
internal class PollSignal : IDisposable
{
    private readonly ManualResetEventSlim _event = new(false, spinCount: 0);

    /// <summary>Has the poll thread go on. Any thread.</summary>
    public void Set() => _event.Set();

    /// <summary>Waits until it is set, or for this long.</summary>
    public virtual void Wait(TimeSpan longest)
    {
        _event.Wait(longest);
        _event.Reset();
    }

    public void Dispose()
    {
        _event.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>What the parts of one session share. Owned by <see cref="KafkaSession"/>.</summary>
internal sealed class SessionContext(
    KafkaConfiguration configuration, IKnownTopics topics, KafkaStatus status, KafkaMetrics metrics, TimeProvider time, ILogger logger,
    PollSignal? signal = null) : IDisposable
{
    private readonly CancellationTokenSource _abandoning = new();
    private readonly RepeatedLines _reported = new(time);

    public KafkaConfiguration Configuration { get; } = configuration;
    public KafkaOptions Options => Configuration.Kafka;
    public AssignmentTable Table { get; } = new(configuration.ExactlyOnce);
    public IKnownTopics Topics { get; } = topics;
    public KafkaStatus Status { get; } = status;
    public KafkaMetrics Metrics { get; } = metrics;
    public TimeProvider Time { get; } = time;
    public ILogger Logger { get; } = logger;
    public PollSignal Signal { get; } = signal ?? new();

    /// <summary>Cancelled when what is in flight is given up: every wait ends.</summary>
    public CancellationToken Abandoned => _abandoning.Token;

    public bool IsAbandoned => _abandoning.IsCancellationRequested;

    public Task AbandonAsync() => _abandoning.CancelAsync();

    /// <summary>Logs what a client could not do, the same thing once in half a minute.</summary>
    public void Report(string client, string reason)
    {
        if (_reported.TryTake($"{client}: {reason}", out var times)) Logger.ClientError(client, RepeatedLines.WithCount(reason, times));
    }

    /// <summary>As <see cref="Report"/>, for offsets that the client could not commit.</summary>
    public void ReportCommit(string reason)
    {
        if (_reported.TryTake($"commit: {reason}", out var times)) Logger.CommitFailed(RepeatedLines.WithCount(reason, times));
    }

    /// <summary>For calls whose failure changes nothing: a partition that has just been revoked, a broker that is gone.</summary>
    public void Quietly(Action call)
    {
        try
        {
            call();
        }
        catch (KafkaException exception)
        {
            Report("consumer", exception.Error.Reason);
        }
    }

    public void Dispose()
    {
        _abandoning.Dispose();
        Signal.Dispose();
    }
}
