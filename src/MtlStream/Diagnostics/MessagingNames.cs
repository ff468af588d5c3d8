namespace MtlStream.Diagnostics;

/// <summary>What spans and metrics call the two ends of the pipeline. Empty names are left out.</summary>
/// <param name="System">Value of <c>messaging.system</c>, <c>kafka</c> for the worker.</param>
/// <param name="Group">Value of <c>messaging.consumer.group.name</c>.</param>
/// <param name="Results">Topic of the results.</param>
/// <param name="DeadLetters">Topic of the dead letters.</param>
public sealed record MessagingNames(string System, string Group, string Results, string DeadLetters)
{
    /// <summary>Events that come from and go to files or memory.</summary>
    public static MessagingNames InProcess { get; } = new("in_process", "", "results", "dead_letters");
}
