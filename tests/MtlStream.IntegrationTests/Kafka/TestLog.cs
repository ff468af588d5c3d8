using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>The newest lines that workers of a test have logged in this process; a failing wait shows them.</summary>
internal sealed class TestLog : ILoggerProvider, ILogger
{
    private const int Kept = 200;

    // Tests run in parallel: each has lines of its own.
    private static readonly AsyncLocal<ConcurrentQueue<string>?> s_current = new();

    private readonly ConcurrentQueue<string> _lines = s_current.Value ?? [];

    public static string Newest => string.Join('\n', s_current.Value ?? []);

    /// <summary>To be called by the constructor of a class whose tests look at the lines.</summary>
    public static void Begin() => s_current.Value = [];

    public static void Clear() => s_current.Value!.Clear();

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id is 1010 or 1011) return; // a model that is made to fail says so often
        _lines.Enqueue($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel} {formatter(state, exception)} {exception}");
        while (_lines.Count > Kept) _lines.TryDequeue(out _);
    }

    public void Dispose()
    {
    }
}
