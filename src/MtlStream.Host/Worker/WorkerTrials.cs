using MtlStream.Http.Api;

namespace MtlStream.Host.Worker;

/// <summary>The candidate and the shadow model of this worker, for the page.</summary>
internal sealed class WorkerTrials : IModelTrials
{
    private volatile ServedModel? _served;

    public TrialsState? Now => _served is { } served
        ? new(served.Loaded.Model.Identity.Version, CandidateOf(served), GatesOf(served), ShadowOf(served), CanDecide: false)
        : null;

    /// <summary>The model serves; null when it does no longer.</summary>
    public void Serving(ServedModel? served) => _served = served;

    public string? Promote() => _served?.Promote();

    public string? RollBack() => _served?.RollBack();

    private static TriedCandidate? CandidateOf(ServedModel served) =>
        served.Canary is { } tried ? new(tried.Version, tried.State, tried.Reason, tried.Events) : null;

    private static TrialGates? GatesOf(ServedModel served) =>
        served.CanaryPlan is { } plan ? new(plan.Share, plan.Gates.Events, plan.Gates.MostDrift, plan.Gates.MostSlowdown) : null;

    private static ShadowState? ShadowOf(ServedModel served) => served.Shadow is { } shadow
        ? new(shadow.Identity.Version, shadow.Share, [.. shadow.Agreement.Select(a => new ShadowTask(a.Task, a.Compared, a.Agreed))])
        : null;
}
