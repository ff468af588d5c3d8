using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MtlStream.Diagnostics;
using MtlStream.Models;

namespace MtlStream.Serving;

/// <summary>How a candidate is doing, for <c>/status</c>.</summary>
/// <param name="State"><c>running</c>, <c>passed</c>, <c>promoted</c>, <c>rolled_back</c> or <c>refused</c>.</param>
/// <param name="Reason">Why it was rolled back or refused; else null.</param>
/// <param name="Events">Events that it scored.</param>
public sealed record CanaryStatus(string Version, string State, string? Reason, long Events);

/// <summary>How a trial is made.</summary>
/// <param name="Folder">The candidate's, or a link to it; it may come later.</param>
/// <param name="Promote">Whether the candidate serves everything once it has passed.</param>
public sealed record CanaryPlan(string Folder, double Share, CanaryGates Gates, bool Promote);

/// <summary>Tries a candidate on a share of the stream when one appears, and goes back to the version before when it does worse.</summary>
/// <param name="serving">Manifest of the version that serves, with every checksum.</param>
/// <param name="load">Loads, verifies and warms up a package.</param>
/// <param name="promoted">Told of a candidate that serves everything from now on.</param>
/// <param name="worse">Why the candidate is worse by what is known outside of this process; null when it is not.</param>
public sealed class CanaryRun(
    ModelSwap model, CanaryPlan plan, Func<ModelManifest> serving, Func<ModelManifest, IMultitaskModel> load, Action<ModelManifest> promoted,
    Func<ModelIdentity, string?> worse, CanaryMetrics metrics, TimeProvider time, ILogger logger)
{
    private readonly Lock _sync = new();
    private volatile CanaryStatus? _status;
    private string _seen = "";
    private (Canary Canary, ModelManifest Manifest)? _running;

    /// <summary>How candidates are tried.</summary>
    public CanaryPlan Plan => plan;

    /// <summary>Of the candidate that was tried last; null before there was one.</summary>
    public CanaryStatus? Status => _status is { } status && _running is { } running ? status with { Events = running.Canary.Events } : _status;

    /// <summary>Looks for a candidate, and at how it does, every interval until cancelled.</summary>
    public async Task RunAsync(TimeSpan interval, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            do Look();
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    /// <summary>Looks once.</summary>
    public void Look()
    {
        lock (_sync)
        {
            if (_running is { } running) Judge(running.Canary, running.Manifest);
            if (!Directory.Exists(plan.Folder)) return;
            var signature = ModelReload.Signature(plan.Folder);
            if (signature == _seen) return;
            _seen = signature;
            Begin();
        }
    }

    /// <summary>Lets the candidate serve everything by a person's word, once it has passed its gates.</summary>
    /// <returns>Why it does not; null when it does.</returns>
    public string? Promote()
    {
        lock (_sync)
        {
            if (_running is not { } running) return "no candidate is being tried";
            Judge(running.Canary, running.Manifest);
            if (_status?.State == "promoted") return null;
            if (_running is null) return $"the candidate was rolled back: {_status?.Reason ?? "another version serves"}";
            if (!running.Canary.HasPassed) return $"the candidate has scored {running.Canary.Events} of the {plan.Gates.Events} events that its gates ask for";
            Serve(running.Canary, running.Manifest);
            return null;
        }
    }

    /// <summary>Ends a trial by a person's word, or goes back from the candidate that was promoted.</summary>
    /// <param name="before">Has the version before the promoted one serve again; false when it could not.</param>
    /// <returns>Why nothing changed; null when it did.</returns>
    public string? RollBack(Func<bool> before)
    {
        ArgumentNullException.ThrowIfNull(before);
        const string ByHand = "taken back by hand";
        lock (_sync)
        {
            if (_running is { } running)
            {
                running.Canary.GoBack(ByHand);
                Judge(running.Canary, running.Manifest);
                return null;
            }

            if (_status is not { State: "promoted" } promoted) return "no candidate is being tried, and none was promoted";
            if (!before()) return "the version before could not be loaded; the log says why";
            logger.CanaryRolledBack(promoted.Version, model.Identity.Version, promoted.Events, ByHand);
            _status = promoted with { State = "rolled_back", Reason = ByHand };
            metrics.Ended("rolled_back");
            return null;
        }
    }

    private void Judge(Canary canary, ModelManifest manifest)
    {
        if (model.Canary != canary)
        {
            _running = null; // another version serves, or another candidate is tried
            return;
        }

        if (worse(canary.Identity) is { } reason) canary.GoBack(reason);
        if (canary.Worse is { } found)
        {
            model.EndTrial();
            logger.CanaryRolledBack(canary.Identity.Version, model.Identity.Version, canary.Events, found);
            End(canary, "rolled_back", found);
        }
        else if (canary.HasPassed && plan.Promote)
        {
            Serve(canary, manifest);
        }
        else if (canary.HasPassed && _status?.State == "running")
        {
            logger.CanaryPassed(canary.Identity.Version, canary.Events);
            metrics.Ended("passed");
            _status = new(canary.Identity.Version, "passed", null, canary.Events);
        }
    }

    private void Serve(Canary canary, ModelManifest manifest)
    {
        model.Promote();
        promoted(manifest);
        logger.CanaryPromoted(canary.Identity.Version, canary.Events);
        End(canary, "promoted", null);
    }

    private void Begin()
    {
        PackageCopy? copy = null;
        var version = "";
        try
        {
            using var owned = copy = PackageCopy.Of(plan.Folder);
            var manifest = ModelManifest.Load(copy.Folder).WithEveryChecksum();
            version = manifest.Version;
            if (version == model.Identity.Version) return; // it serves already
            if (!ModelReload.SameTokenizer(manifest, serving()))
            {
                Refuse(version, "its tokenizer differs; texts under way are tokenized already, so it takes a restart.");
                return;
            }

            var candidate = load(manifest);
            var canary = new Canary(candidate.Identity, model.Tasks, candidate.Tasks, plan.Share, plan.Gates);
            if (!model.TryTrial(candidate, canary, out var refusal))
            {
                candidate.Dispose();
                Refuse(version, $"{refusal}.");
                return;
            }

            _running = (canary, manifest);
            _status = new(version, "running", null, 0);
            metrics.Ended("started");
            logger.CanaryStarted(version, model.Identity.Version, plan.Share);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Refuse(version, copy?.Original(exception.Message) ?? exception.Message); // whatever is wrong with it: the version that serves goes on
        }
    }

    private void End(Canary canary, string state, string? reason)
    {
        _running = null;
        _status = new(canary.Identity.Version, state, reason, canary.Events);
        metrics.Ended(state);
    }

    private void Refuse(string version, string reason)
    {
        _status = new(version, "refused", reason, 0);
        metrics.Ended("refused");
        logger.CanaryRefused(plan.Folder, model.Identity.Version, reason);
    }
}

/// <summary>How candidates fared.</summary>
public sealed class CanaryMetrics
{
    private readonly Counter<long> _outcomes;

    public CanaryMetrics(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        _outcomes = meters.Create(Instrumentation.Name).CreateCounter<long>(
            "mtlstream.canary.outcomes", "{candidate}", "Candidates that were tried on a share of the stream, by what became of them.");
        foreach (var outcome in new[] { "started", "passed", "promoted", "rolled_back", "refused" }) _outcomes.Add(0, Tag(outcome)); // see PipelineMetrics
    }

    public void Ended(string outcome) => _outcomes.Add(1, Tag(outcome));

    private static KeyValuePair<string, object?> Tag(string outcome) => new("mtlstream.canary.outcome", outcome);
}
