namespace MtlStream;

/// <summary>The command line or the configuration is wrong. The message says what was found and what was expected.</summary>
public sealed class UsageException(string message, Exception? inner = null) : Exception(message, inner);
