using Microsoft.Extensions.Logging;

namespace MtlStream.Http;

/// <summary>Every line that is logged about requests. Ids 8000-8999.</summary>
internal static partial class Log
{
    [LoggerMessage(8000, LogLevel.Error, "Requests are answered no more, the stream goes on: {Exception}")]
    public static partial void RequestsFailed(this ILogger logger, string exception);

    [LoggerMessage(8002, LogLevel.Information, "gRPC at {Address}.")]
    public static partial void GrpcListening(this ILogger logger, Uri address);

    [LoggerMessage(8001, LogLevel.Error, "A bug ended a request to {Route}: {Exception}")]
    public static partial void RequestTrippedBug(this ILogger logger, string route, string exception);
}
