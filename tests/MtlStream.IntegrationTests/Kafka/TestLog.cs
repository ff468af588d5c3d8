using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>The newest lines that workers in this process have logged; a failing wait shows them.</summary>
internal sealed class TestLog : ILoggerProvider, ILogger
{
    private const int Kept = 200;

    private static readonly ConcurrentQueue<string> s_lines = new();

    public static string Newest => string.Join('\n', s_lines);

    public static void Clear() => s_lines.Clear();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id is 1010 or 1011) return; // a model that is made to fail says so often
        s_lines.Enqueue($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel} {formatter(state, exception)} {exception}");
        while (s_lines.Count > Kept) s_lines.TryDequeue(out _);
    }

    public void Dispose()
    {
    }
}
