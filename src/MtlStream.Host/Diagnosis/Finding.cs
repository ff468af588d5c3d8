namespace MtlStream.Host.Diagnosis;

internal enum Severity
{
    Ok,

    /// <summary>The worker would run; somebody should look.</summary>
    Warning,

    /// <summary>The worker would not work.</summary>
    Failure,
}

/// <summary>One thing that was looked at.</summary>
/// <param name="Remedy">What to do; null when there is nothing to be done.</param>
internal sealed record Finding(Severity Severity, string Subject, string Found, string? Remedy = null);
