using MtlStream.Host.Review;
using MtlStream.Kafka;
using MtlStream.Learning.Review;

namespace MtlStream.Host.Worker;

/// <summary>Reads people's answers beside the stream, and tells from them how good the labels on the stream are.</summary>
/// <param name="window">Answers about events older than that count no more.</param>
internal sealed class QualityWatch(RecordTopic topic, QualityMetrics metrics, TimeSpan window, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(10);

    private bool _saidWhy;

    /// <summary>Everybody's answers, as far as they are read.</summary>
    public AnswerBook Book { get; } = new();

    /// <summary>Reads what is new every ten seconds until cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (true)
        {
            Look(stopping);
            await Task.Delay(s_look, time, stopping);
        }
    }

    /// <summary>Reads what is new. A topic that cannot be read is said once, until it can be read again.</summary>
    internal void Look(CancellationToken stopping)
    {
        try
        {
            foreach (var answer in ReviewStore.AnswersIn(topic.ReadNew(stopping))) Book.Add(answer);
            _saidWhy = false;
        }
        catch (IOException exception)
        {
            if (!_saidWhy) logger.AnswersNotRead(exception.Message);
            _saidWhy = true;
        }

        var oldest = time.GetUtcNow() - window;
        metrics.Known = [.. Book.Tasks.Select(task => StreamQuality.Of(Book, task, a => (a.EventTime ?? a.At) >= oldest)).OfType<StreamQuality>()];
    }

    public void Dispose() => topic.Dispose();
}

/// <summary>Keeps a <see cref="QualityWatch"/> going for the life of the process.</summary>
internal sealed class QualityService(QualityWatch watch, ILogger<QualityService> logger) : IHostedService, IAsyncDisposable
{
    private BackgroundWork? _work;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _work = new(logger);
        _work.Start("the look at reviewers' answers", watch.RunAsync);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken) => await DisposeAsync();

    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _work, null)?.DisposeAsync() ?? ValueTask.CompletedTask;
}
