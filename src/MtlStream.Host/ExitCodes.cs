namespace MtlStream.Host;

/// <summary>What the process says when it ends. Part of the command line's contract.</summary>
internal static class ExitCodes
{
    public const int Done = 0;

    /// <summary>Failed while running, or stopped before the work was done.</summary>
    public const int Failed = 1;

    /// <summary>Wrong usage or configuration: nothing was started.</summary>
    public const int Usage = 2;

    /// <summary><c>annotate</c> only: every line handled, some rejected.</summary>
    public const int SomeRejected = 3;
}
