using Microsoft.Extensions.Logging;

namespace MtlStream.Registry;

/// <summary>What is logged about the schema registry.</summary>
internal static partial class Log
{
    [LoggerMessage(6001, LogLevel.Warning, "{Key} is waited for: {Reason}. Events that need it wait, and nothing is lost.")]
    public static partial void RegistryWaits(this ILogger logger, string key, string reason);

    [LoggerMessage(6002, LogLevel.Information, "Registered version {Version} under the subject {Subject}, with id {Id}, for the answers to {Key}.")]
    public static partial void Registered(this ILogger logger, int version, string subject, int id, string key);
}
