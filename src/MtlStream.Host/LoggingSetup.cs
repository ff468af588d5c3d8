using Microsoft.Extensions.Logging.Console;

namespace MtlStream.Host;

internal static class LoggingSetup
{
    /// <summary>
    /// One line per message, all of them to stderr: stdout belongs to the results. <c>Logging:Console</c> may choose another format.
    /// </summary>
    public static ILoggingBuilder AddStderrConsole(this ILoggingBuilder logging)
    {
        // Before AddConsole, which binds the settings: they count more.
        logging.Services.Configure<ConsoleLoggerOptions>(console =>
        {
            console.FormatterName = ConsoleFormatterNames.Simple;
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite; // who reads the log may be stuck: the stream goes on, and lines lost are counted
        });
        logging.Services.Configure<SimpleConsoleFormatterOptions>(simple =>
        {
            simple.SingleLine = true;
            simple.UseUtcTimestamp = true;
            simple.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        });
        logging.Services.Configure<JsonConsoleFormatterOptions>(json =>
        {
            json.UseUtcTimestamp = true;
            json.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
        });
        return logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
