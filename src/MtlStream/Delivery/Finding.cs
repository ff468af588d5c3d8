namespace MtlStream.Delivery;

/// <summary>How bad it is.</summary>
public enum Severity
{
    Ok,

    /// <summary>The worker would run; somebody should look.</summary>
    Warning,

    /// <summary>The worker would not work.</summary>
    Failure,
}

/// <summary>One thing that was looked at before a worker is started.</summary>
/// <param name="Subject">One word.</param>
/// <param name="Found">What was found: no secrets and no event text.</param>
/// <param name="Remedy">What to do; null when there is nothing to be done.</param>
public sealed record Finding(Severity Severity, string Subject, string Found, string? Remedy = null);
