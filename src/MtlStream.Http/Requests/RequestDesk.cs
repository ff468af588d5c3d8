using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Serving;

namespace MtlStream.Http.Requests;

/// <summary>Where requests have their texts annotated: closed until the model is loaded, and from the worker's stop on. Thread-safe.</summary>
public sealed class RequestDesk(HttpOptions options, IMeterFactory meters, ILoggerFactory loggers, TimeProvider time)
{
    private volatile Opened? _opened;

    internal RequestMetrics Metrics { get; } = new(meters);

    internal HttpOptions Options => options;

    internal TimeProvider Time => time;

    /// <summary>What serves; null while it is closed.</summary>
    internal Opened? Now => _opened;

    /// <summary>Takes requests until what it returns is disposed.</summary>
    /// <param name="share">Whose face for requests is asked.</param>
    /// <param name="manifest">Of the version that serves.</param>
    /// <param name="against">Another version, to be asked beside it; null for none. Not owned.</param>
    public IAsyncDisposable Open(LoadedModel loaded, ModelShare share, Func<ModelManifest> manifest, InputOptions input, OutputOptions output, LoadedModel? against = null)
    {
        ArgumentNullException.ThrowIfNull(loaded);
        ArgumentNullException.ThrowIfNull(share);
        var quiet = new QuietMeters();
        var assembly = new PipelineAssembly(new WarningsOnly(loggers), quiet, time);
        var asked = loaded with { Model = share.Requests };
        var plain = new RequestLane(assembly, asked, input, output, options.MaxWaiting);
        var detailed = new RequestLane(assembly, asked, input, output with { AllScores = true }, options.MaxWaiting);
        var others = new Dictionary<string, RequestLane>();
        if (against is not null) others[NameOf(against.Model.Identity)] = new(assembly, against, input, output with { AllScores = true }, options.MaxWaiting);
        Metrics.Observe(() => plain.Count + detailed.Count, () => share.SecondsTaken);
        var opened = new Opened(asked, manifest, plain, detailed, others);
        _opened = opened;
        return new Closing(this, opened, quiet);
    }

    /// <summary>What serves.</summary>
    /// <param name="Detailed">Every label's probability comes with the answers.</param>
    /// <param name="Others">Other versions by name, with every label's probability.</param>
    internal sealed record Opened(LoadedModel Loaded, Func<ModelManifest> Manifest, RequestLane Plain, RequestLane Detailed,
        IReadOnlyDictionary<string, RequestLane> Others)
    {
        /// <summary>What can be asked for by name; the first one serves.</summary>
        public IReadOnlyList<string> Versions => [NameOf(Loaded.Model.Identity), .. Others.Keys];
    }

    private static string NameOf(ModelIdentity identity) => $"{identity.Name} {identity.Version}";


    private sealed class Closing(RequestDesk desk, Opened opened, QuietMeters meters) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            desk._opened = null;
            await opened.Plain.DisposeAsync();
            await opened.Detailed.DisposeAsync();
            foreach (var other in opened.Others.Values) await other.DisposeAsync();
            meters.Dispose();
        }
    }
}
