using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MtlStream.Diagnostics;
using MtlStream.Models;

namespace MtlStream.Serving;

/// <summary>Puts a new version of the model package to work when one appears in the model's folder.</summary>
/// <remarks>
/// The package is copied first, and the copy is verified, loaded and warmed up beside the version that serves: a folder that is
/// written while it is read can make the copy fail its checksums, but never reaches a version that serves. What is refused is
/// tried again once the folder has changed again.
/// </remarks>
/// <param name="folder">The package's folder, or a link to it.</param>
/// <param name="load">Loads, verifies and warms up a package.</param>
/// <param name="swapped">Told of the version that serves from now on.</param>
/// <param name="serving">With every checksum, see <see cref="ModelManifest.WithEveryChecksum"/>.</param>
/// <param name="seen"><see cref="Signature"/> of the folder before <paramref name="serving"/> was read from it.</param>
public sealed class ModelReload(
    ModelSwap model, string folder, Func<ModelManifest, IMultitaskModel> load, Action<ModelManifest> swapped,
    ModelManifest serving, string seen, TimeSpan interval, ReloadMetrics metrics, TimeProvider time, ILogger logger)
{
    private readonly Lock _sync = new();
    private ModelManifest _serving = serving;
    private string _seen = seen;

    /// <summary>Looks for a new version every interval until cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping)) Look();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    /// <summary>Looks once. True when another version serves now.</summary>
    public bool Look()
    {
        lock (_sync)
        {
            var signature = Signature(folder);
            return signature != _seen && Take(signature);
        }
    }

    /// <summary>Has the folder's version serve again when another one came to serve by another way. True when it does.</summary>
    public bool LookAgain()
    {
        lock (_sync) return Take(Signature(folder));
    }

    private bool Take(string signature)
    {
        _seen = signature;
        var started = time.GetTimestamp();
        PackageCopy? copy = null;
        try
        {
            using var owned = copy = PackageCopy.Of(folder);
            var next = ModelManifest.Load(copy.Folder).WithEveryChecksum();
            if (IsServing(next))
            {
                var damage = next.VerifyChecksums(); // none: the same files were written again
                return damage.Count > 0 && Refuse(string.Join(" ", damage));
            }

            if (Refusal(next) is { } refusal) return Refuse(refusal);
            var loaded = load(next);
            var changes = TaskChanges.Between(model.Tasks, loaded.Tasks);
            if (!model.TrySwap(loaded, out refusal))
            {
                loaded.Dispose();
                return Refuse($"{refusal}; a restart takes it.");
            }

            logger.ModelSwapped(next.Name, _serving.Version, next.Version, time.GetElapsedTime(started).TotalSeconds, changes);
            _serving = next;
            metrics.Reloaded("swapped");
            swapped(next);
            return true;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return Refuse(copy?.Original(exception.Message) ?? exception.Message); // whatever is wrong with it: the version that serves goes on
        }
    }

    /// <summary>Told of a version that serves by another way than this one.</summary>
    public void Serves(ModelManifest manifest)
    {
        lock (_sync) _serving = manifest;
    }

    private bool Refuse(string reason)
    {
        metrics.Reloaded("refused");
        logger.ModelRefused(folder, _serving.Version, reason);
        return false;
    }

    private bool IsServing(ModelManifest next) =>
        next.Version == _serving.Version && next.Checksums.Count == _serving.Checksums.Count &&
        next.Checksums.All(c => _serving.Checksums.GetValueOrDefault(c.Key) == c.Value);

    private string? Refusal(ModelManifest next)
    {
        if (next.Version == _serving.Version)
            return $"it is version {next.Version} again with other files: results would name two models alike. Give it another version.";
        return SameTokenizer(next, _serving) ? null : "its tokenizer differs; texts under way are tokenized already, so it takes a restart.";
    }

    /// <summary>True when two packages turn every text into the same tokens, as far as settings and checksums tell.</summary>
    /// <remarks>Files without a checksum count as different: see <see cref="ModelManifest.WithEveryChecksum"/>.</remarks>
    public static bool SameTokenizer(ModelManifest next, ModelManifest serving)
    {
        var (a, b) = (next.Tokenizer, serving.Tokenizer);
        return (a with { Files = b.Files }) == b && a.Files.Keys.Order().SequenceEqual(b.Files.Keys.Order()) &&
            a.Files.Keys.All(role => Checksum(next, role) is { } sum && sum == Checksum(serving, role));

        static string? Checksum(ModelManifest manifest, string role) =>
            manifest.Checksums.GetValueOrDefault(Path.GetRelativePath(manifest.Folder, manifest.Tokenizer.Files[role]));
    }

    /// <summary>Changes whenever a file in the folder, or the folder behind a link, changes.</summary>
    public static string Signature(string folder)
    {
        try
        {
            var target = new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder;
            // The manifest's text as well: behind links within the path, sizes and times may be those of the links.
            var manifest = File.ReadAllText(Path.Combine(target, ModelManifest.FileName));
            return manifest + string.Join('|', new DirectoryInfo(target).EnumerateFiles("*", SearchOption.AllDirectories)
                .OrderBy(f => f.FullName, StringComparer.Ordinal)
                .Select(f => $"{f.FullName} {f.LinkTarget} {f.Length} {f.LastWriteTimeUtc.Ticks}"));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return exception.Message; // in the middle of being replaced
        }
    }
}

/// <summary>How often the model was replaced, or a replacement was refused.</summary>
public sealed class ReloadMetrics
{
    private readonly Counter<long> _reloads;

    public ReloadMetrics(IMeterFactory meters)
    {
        _reloads = meters.Create(Instrumentation.Name).CreateCounter<long>(
            "mtlstream.model.reloads", "{reload}", "New versions of the model that were found, by what became of them.");
        foreach (var outcome in new[] { "swapped", "refused" }) _reloads.Add(0, Tag(outcome)); // see PipelineMetrics: the first one is seen
    }

    public void Reloaded(string outcome) => _reloads.Add(1, Tag(outcome));

    private static KeyValuePair<string, object?> Tag(string outcome) => new("mtlstream.reload.outcome", outcome);
}
