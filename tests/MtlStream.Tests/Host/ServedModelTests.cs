using System.Collections;
using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using MtlStream.Host;
using MtlStream.Host.Configuration;
using MtlStream.Host.Worker;
using MtlStream.Tests.Diagnostics;
using MtlStream.Tests.Inference;

namespace MtlStream.Tests.Host;

public sealed class ServedModelTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly MeterRecorder _meters = new();

    public void Dispose()
    {
        _package.Dispose();
        _meters.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task A_new_version_takes_the_lanes_of_the_one_that_serves_without_a_trial_beside_it(int threadsPerLane)
    {
        using var lines = new LineLog();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(lines));
        using var assembly = new PipelineAssembly(loggers, _meters, TimeProvider.System);
        var settings = AppSettings.From(SettingsReader.Read(null, new Hashtable(),
        [
            "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead", $"--Model:Path={_package.Folder}",
            "--Model:Device=cpu", $"--Model:ThreadsPerLane={threadsPerLane}", "--Model:ReloadInterval=00:00:01",
        ]));

        await using var served = ServedModel.Start(settings, assembly);
        var (tried, lanes) = (Tried(), served.Loaded.Model.Lanes);
        _package.Edit(manifest => manifest["version"] = "2.0.0");
        await ModelSwapTests.Until(() => served.Loaded.Model.Identity.Version == "2.0.0");

        Assert.Equal(threadsPerLane == 0, tried > 0);
        Assert.Equal(tried, Tried());
        Assert.Equal(lanes, served.Loaded.Model.Lanes);

        int Tried() => lines.All.Count(l => l.StartsWith("Tried ", StringComparison.Ordinal));
    }

    private sealed class LineLog : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> All { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
