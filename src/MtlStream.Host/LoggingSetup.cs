using Microsoft.Extensions.Logging.Console;

namespace MtlStream.Host;

internal static class LoggingSetup
{
    /// <summary>One line per message, all of them to stderr: stdout belongs to the results.</summary>
    public static ILoggingBuilder AddStderrConsole(this ILoggingBuilder logging)
    {
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        });
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        return logging;
    }
}
