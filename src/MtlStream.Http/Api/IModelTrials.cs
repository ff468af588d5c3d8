namespace MtlStream.Http.Api;

/// <summary>The candidate that was tried last.</summary>
/// <param name="State"><c>running</c>, <c>passed</c>, <c>promoted</c>, <c>rolled_back</c> or <c>refused</c>.</param>
/// <param name="Reason">Why it was rolled back or refused; else null.</param>
/// <param name="Events">Events that it scored.</param>
public sealed record TriedCandidate(string Version, string State, string? Reason, long Events);

/// <summary>What a candidate is held to.</summary>
/// <param name="Share">Share of the batches that it scores.</param>
/// <param name="Events">Events that it scores before it is judged.</param>
/// <param name="MostDrift">Population stability index of a task's labels against the serving version's.</param>
/// <param name="MostSlowdown">Its time per token, as a multiple of the serving version's.</param>
public sealed record TrialGates(double Share, int Events, double MostDrift, double MostSlowdown);

/// <summary>The shadow model: it scores a share of the events, and nothing of it is published.</summary>
public sealed record ShadowState(string Version, double Share, IReadOnlyList<ShadowTask> Tasks);

/// <param name="Compared">Labels that both gave.</param>
/// <param name="Agreed">Those that are the same.</param>
public sealed record ShadowTask(string Task, long Compared, long Agreed);

/// <summary>The versions beside the one that serves.</summary>
/// <param name="Serving">Version that serves.</param>
/// <param name="Candidate">Null before there was one.</param>
/// <param name="Gates">Null where no candidate is tried.</param>
/// <param name="Shadow">Null where there is none.</param>
/// <param name="CanDecide">Whether someone may promote and roll back by these addresses: where there is a token.</param>
public sealed record TrialsState(string Serving, TriedCandidate? Candidate, TrialGates? Gates, ShadowState? Shadow, bool CanDecide);

/// <summary>The versions of the model beside the one that serves. Thread-safe.</summary>
public interface IModelTrials
{
    /// <summary>How they are doing; null before the model is loaded.</summary>
    TrialsState? Now { get; }

    /// <summary>Lets the candidate serve that has passed its gates.</summary>
    /// <returns>Why it does not, in a clause; null when it does.</returns>
    string? Promote();

    /// <summary>Ends the trial of a candidate, or goes back from the one that was promoted.</summary>
    /// <returns>Why nothing changed, in a clause; null when it did.</returns>
    string? RollBack();
}
