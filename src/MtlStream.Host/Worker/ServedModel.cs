using MtlStream.Batching;
using MtlStream.Generation;
using MtlStream.Host.Configuration;
using MtlStream.Learning.Review;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Onnx;
using MtlStream.Onnx.Generation;
using MtlStream.Serving;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Host.Worker;

/// <summary>The settings of a model that serves, and of what goes on around it.</summary>
internal sealed record ServingOptions(ModelOptions Model, TokenizationOptions Tokenization, BatchingOptions Batching, WatchOptions Watch)
{
    /// <summary>Models that write texts beside the labels.</summary>
    public GenerationOptions Generation { get; init; } = new();
}

/// <summary>The model that the worker serves, and what goes on around it: the watch, new versions, a shadow model.</summary>
internal sealed class ServedModel : IAsyncDisposable
{
    private const string NoCanary = "Model:Canary names no candidate";

    private readonly WatchOptions _watchOptions;
    private readonly BackgroundWork _background;
    private volatile ModelManifest _manifest;
    private CanaryRun? _canary;
    private ModelReload? _reload;

    private ServedModel(LoadedModel loaded, WatchOptions watchOptions, DriftMonitor? watch, ShadowModel? shadow, ILogger logger)
    {
        Loaded = loaded;
        Watch = watch;
        Shadow = shadow;
        _manifest = loaded.Manifest;
        _watchOptions = watchOptions;
        _background = new(logger);
    }

    /// <summary>The model, replaceable while it serves where the settings ask for it.</summary>
    public LoadedModel Loaded { get; }

    /// <summary>Of the version that serves.</summary>
    public ModelManifest Manifest => _manifest;

    public DriftMonitor? Watch { get; }
    public ShadowModel? Shadow { get; }

    /// <summary>How the candidate is doing that was tried last; null before there was one.</summary>
    public CanaryStatus? Canary => _canary?.Status;

    /// <summary>How candidates are tried; null where none are.</summary>
    public CanaryPlan? CanaryPlan => _canary?.Plan;

    /// <summary>Lets the candidate serve that has passed its gates.</summary>
    /// <returns>Why it does not; null when it does.</returns>
    public string? Promote() => _canary is null ? NoCanary : _canary.Promote();

    /// <summary>Ends the trial of a candidate, or has the version before a promoted one serve again.</summary>
    /// <returns>Why nothing changed; null when it did.</returns>
    public string? RollBack() => _canary is null ? NoCanary : _canary.RollBack(_reload!.LookAgain);

    /// <summary>Loads, verifies and warms up the model and the shadow model, and begins to look for new versions.</summary>
    /// <exception cref="UsageException">The options name a folder or a task that there is not.</exception>
    /// <exception cref="InvalidDataException">A package is not what its manifest says, or a setting of the watch does not fit it.</exception>
    /// <param name="answers">People's answers, where they are read: a candidate that does worse by them is rolled back.</param>
    public static ServedModel Start(ServingOptions settings, PipelineAssembly assembly, ModelLoader models, AnswerBook? answers = null)
    {
        var options = settings.Model;
        var reloads = !options.ConstantLabels && options.ReloadInterval > TimeSpan.Zero;
        var folder = ModelLoader.Find(options.Path).Folder;
        var seen = reloads ? ModelReload.Signature(folder) : ""; // before it is read: what changes meanwhile is a new version
        var loaded = Load(options, reloads, settings, models);
        var texts = GeneratorLoader.WithOwn(settings.Generation, options.Generate, folder); // what was loaded may be a copy that is gone by now
        loaded = new GeneratorLoader(assembly.Meters).Beside(loaded, texts, options.Generate);
        loaded = loaded with { Model = new ModelSwap(loaded.Model) }; // which also keeps it for a call that a run did not wait for
        var served = Surround(loaded, settings, assembly, models);
        if (served.Shadow is not null) served._background.Start("the shadow model", served.Shadow.RunAsync);
        if (options.ConstantLabels) assembly.Loggers.CreateLogger<ServedModel>().LabelsAreConstant();
        if (reloads) served.StartReloads(served.Reload(folder, seen, settings, assembly, models), settings, assembly, models, answers);
        return served;
    }

    public async ValueTask DisposeAsync()
    {
        await _background.DisposeAsync();
        try
        {
            Watch?.Save();
        }
        finally
        {
            Shadow?.Dispose();
            Loaded.Dispose();
        }
    }

    /// <summary>Puts the watch and the shadow model beside the model that serves, which is disposed when one of them cannot be had.</summary>
    private static ServedModel Surround(LoadedModel loaded, ServingOptions settings, PipelineAssembly assembly, ModelLoader models)
    {
        try
        {
            var watch = settings.Watch.Share == 0 ? null : new DriftMonitor(
                assembly.Meters, settings.Watch, loaded.Model.Tasks, loaded.Tokenizer.UnknownId,
                DriftMonitor.ReferenceOf(settings.Watch, loaded.Manifest.Reference, loaded.Model.Tasks));
            return new(loaded, settings.Watch, watch, LoadShadow(settings, assembly, models, loaded), assembly.Loggers.CreateLogger<ServedModel>());
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    private void StartReloads(ModelReload reload, ServingOptions settings, PipelineAssembly assembly, ModelLoader models, AnswerBook? answers)
    {
        _reload = reload;
        _background.Start("the look for new versions", reload.RunAsync);
        var options = settings.Model;
        var metrics = new CanaryMetrics(assembly.Meters);
        if (options.Canary.Length == 0) return;
        var swap = (ModelSwap)Loaded.Model;
        var plan = new CanaryPlan(
            options.Canary, options.CanaryShare, new(options.CanaryEvents, options.CanaryDrift, options.CanarySlowdown), options.CanaryPromote);
        _canary = new(
            swap, plan, () => _manifest, manifest => LoadNext(manifest, settings, models), Promoted,
            candidate => answers is null ? null : AnsweredQuality.Worse(answers, candidate, swap.Identity),
            metrics, assembly.Time, assembly.Loggers.CreateLogger<CanaryRun>());
        _background.Start("the look at a candidate", stopping => _canary.RunAsync(options.ReloadInterval, stopping));

        void Promoted(ModelManifest manifest)
        {
            reload.Serves(manifest);
            Swapped(manifest);
        }
    }

    private IMultitaskModel LoadNext(ModelManifest manifest, ServingOptions settings, ModelLoader models)
    {
        var tasks = TasksOf(manifest, settings.Model);
        DriftMonitor.CheckLimits(settings.Watch, tasks);
        ReferenceOf(manifest, tasks);
        return models.LoadVerified(AsServed(settings.Model) with { Path = manifest.Folder }, settings.Tokenization, settings.Batching).Model;
    }

    private ModelReload Reload(string folder, string seen, ServingOptions settings, PipelineAssembly assembly, ModelLoader models) => new(
        (ModelSwap)Loaded.Model, folder,
        manifest => LoadNext(manifest, settings, models), Swapped,
        Loaded.Manifest, seen, settings.Model.ReloadInterval, new ReloadMetrics(assembly.Meters), assembly.Time,
        assembly.Loggers.CreateLogger<ModelReload>());

    private void Swapped(ModelManifest manifest)
    {
        _manifest = manifest;
        Watch?.Watch(Loaded.Model.Tasks, ReferenceOf(manifest, Loaded.Model.Tasks));
    }

    /// <summary>The device and the workers that were chosen at the start: the pipeline has a worker for each, and beside it a trial would measure the load.</summary>
    private ModelOptions AsServed(ModelOptions options)
    {
        var served = options with { Device = Loaded.Model.Identity.Device };
        return options.ThreadsPerLane > 0 ? served : served with { Lanes = Loaded.Model.Workers, ThreadsPerLane = Loaded.Threads };
    }

    private ReferenceDistribution? ReferenceOf(ModelManifest manifest, IReadOnlyList<ModelTask> tasks) =>
        Watch is null ? null : DriftMonitor.ReferenceOf(_watchOptions, manifest.Reference, tasks);

    private static List<ModelTask> TasksOf(ModelManifest manifest, ModelOptions options) =>
        [.. manifest.Select(options.Tasks, options.OnRequest).Select(t => t.Task)];

    /// <param name="copied">From a copy, so that nobody writes into files that the loaded model still reads.</param>
    private static LoadedModel Load(ModelOptions options, bool copied, ServingOptions settings, ModelLoader models)
    {
        if (!copied || options.ConstantLabels) return models.LoadVerified(options, settings.Tokenization, settings.Batching);
        using var copy = PackageCopy.Of(ModelLoader.Find(options.Path).Folder);
        try
        {
            return models.LoadVerified(options with { Path = copy.Folder }, settings.Tokenization, settings.Batching);
        }
        catch (InvalidDataException exception)
        {
            throw new InvalidDataException(copy.Original(exception.Message)); // without the inner one, which names the copy
        }
    }

    private static ShadowModel? LoadShadow(ServingOptions settings, PipelineAssembly assembly, ModelLoader models, LoadedModel serving)
    {
        var options = settings.Model;
        if (options.Shadow.Length == 0) return null;
        var shadow = Load(ShadowOptions(options, serving.Model.Identity.Device), copied: true, settings, models);
        try
        {
            ModelSettings.CheckShadow(shadow.Manifest, serving.Manifest);
            return new(assembly.Meters, shadow.Model, serving.Model.Tasks, options.ShadowShare, assembly.Time, assembly.Loggers.CreateLogger<ShadowModel>());
        }
        catch
        {
            shadow.Dispose();
            throw;
        }
    }

    /// <summary>What the shadow model is loaded with: all its tasks, on the device that serves; of a CPU it gets one core at most.</summary>
    internal static ModelOptions ShadowOptions(ModelOptions options, string device) =>
        options with { Path = options.Shadow, ConstantLabels = false, Device = device, Tasks = "", Lanes = 1, ThreadsPerLane = 1, RecentResults = 0 };
}
