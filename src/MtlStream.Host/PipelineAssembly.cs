using System.Diagnostics.Metrics;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Diagnostics;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Onnx;
using MtlStream.Results;
using MtlStream.Serving;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary>A model and the tokenizer that belongs to it. Owns the model.</summary>
internal sealed record LoadedModel(ModelManifest Manifest, IMultitaskModel Model, TextTokenizer Tokenizer) : IDisposable
{
    /// <summary>Threads of one call, on a CPU.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Why <c>auto</c> took the CPU; null when it did not, or was not asked.</summary>
    public string? Fallback { get; init; }

    public void Dispose() => Model.Dispose();
}

/// <summary>Puts models and pipelines together, the same way for every command.</summary>
/// <param name="owned">Disposed with the assembly; null when the container does it.</param>
internal sealed class PipelineAssembly(ILoggerFactory loggers, IMeterFactory meters, TimeProvider time, IDisposable? owned = null) : IDisposable
{
    private PipelineMetrics? _pipelineMetrics;
    private readonly Lazy<ModelMetrics> _modelMetrics = new(() => new(meters));

    /// <summary>What metrics and traces call the two ends; to be set before the pipeline is made.</summary>
    public MessagingNames Names { get; set; } = MessagingNames.InProcess;

    public TimeProvider Time { get; } = time;
    public ILoggerFactory Loggers { get; } = loggers;
    public IMeterFactory Meters { get; } = meters;

    /// <summary>For commands without a host: warnings go to stderr.</summary>
    public static PipelineAssembly ForTool(LogLevel least = LogLevel.Warning)
    {
        var services = new ServiceCollection();
        services.AddMetrics().AddLogging(logging => logging.AddStderrConsole().SetMinimumLevel(least));
        var provider = services.BuildServiceProvider();
        return new(provider.GetRequiredService<ILoggerFactory>(), provider.GetRequiredService<IMeterFactory>(), TimeProvider.System, provider);
    }

    /// <summary>The package that an option or a setting names.</summary>
    /// <exception cref="UsageException">There is no such folder, no package in it, or none came with the program.</exception>
    /// <exception cref="InvalidDataException">The manifest is not what it should be.</exception>
    public static ModelManifest FindPackage(string path)
    {
        string folder;
        try
        {
            NullModel.IsMeant(path, out var package);
            folder = ModelManifest.Locate(package);
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException(exception.Message, exception);
        }

        if (!Directory.Exists(folder)) throw new UsageException($"the model folder {folder} does not exist.");
        try
        {
            return ModelManifest.Load(folder);
        }
        catch (InvalidDataException exception) when (!File.Exists(Path.Combine(folder, ModelManifest.FileName)))
        {
            throw new UsageException(exception.Message, exception);
        }
    }

    /// <summary>The package that the options name, if it has the tasks that they ask for.</summary>
    /// <exception cref="UsageException">The options name a folder or a task that there is not.</exception>
    /// <exception cref="InvalidDataException">The manifest is not what it should be.</exception>
    public static ModelManifest FindPackage(ModelOptions options)
    {
        var manifest = FindPackage(options.Path);
        try
        {
            manifest.Select(options.Tasks);
            return manifest;
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException(exception.Message, exception);
        }
    }

    /// <summary>Loads and warms up the model; seconds on a CPU.</summary>
    /// <param name="limits">Sizes of a call on a GPU.</param>
    /// <exception cref="UsageException">The options name a folder or a task that there is not.</exception>
    /// <exception cref="InvalidDataException">The package is not what its manifest says.</exception>
    public LoadedModel LoadModel(ModelOptions options, TokenizationOptions tokenization, BatchingOptions? limits = null)
    {
        var manifest = FindPackage(options);
        var tokenizer = TextTokenizer.Load(manifest.Tokenizer, tokenization);
        var isNull = NullModel.IsMeant(options.Path, out _);
        var onnx = isNull ? null : OnnxMultitaskModel.Load(manifest, options, Loggers.CreateLogger<OnnxMultitaskModel>(), _modelMetrics.Value, limits);
        IMultitaskModel model = onnx is null ? new NullModel([.. manifest.Select(options.Tasks).Select(t => t.Task)]) : onnx;
        if (options.RecentResults > 0) model = new RecentResults(model, options.RecentResults, _modelMetrics.Value.RowsRemembered);
        return new(manifest, model, tokenizer) { Threads = onnx?.Threads ?? 1, Fallback = onnx?.Fallback };
    }

    /// <summary>As <see cref="LoadModel"/>, and has the model show that it says what it said when it was made.</summary>
    /// <returns>With every checksum in its manifest, see <see cref="ModelManifest.WithEveryChecksum"/>. The null model is not asked.</returns>
    /// <exception cref="UsageException">The options name a folder or a task that there is not.</exception>
    /// <exception cref="InvalidDataException">The package is not what its manifest says, or the model says something else; one message names every difference.</exception>
    public LoadedModel LoadVerified(ModelOptions options, TokenizationOptions tokenization, BatchingOptions? limits = null)
    {
        var loaded = LoadModel(options, tokenization, limits);
        try
        {
            var problems = NullModel.IsMeant(options.Path, out _) ? [] : Differences(loaded, tokenization);
            if (problems.Count == 0) return loaded with { Manifest = loaded.Manifest.WithEveryChecksum() };
            throw new InvalidDataException(
                $"{loaded.Manifest.Folder}: {problems.Count} problem(s):{string.Concat(problems.Select(p => $"{Environment.NewLine}  {p}"))}");
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    private static List<string> Differences(LoadedModel loaded, TokenizationOptions tokenization)
    {
        var (manifest, model, tokenizer) = loaded;
        var problems = new List<string>();
        try
        {
            if (manifest.Golden is not null)
            {
                var golden = GoldenOutputs.Load(manifest.Golden);
                if (tokenization.MaxTextTokens < manifest.MaxTokens) tokenizer = TextTokenizer.Load(manifest.Tokenizer, new()); // the texts are to be taken whole
                problems.AddRange(golden.CompareTokens(tokenizer));
                problems.AddRange(golden.Compare(model, [.. manifest.Tasks.Where(t => model.Tasks.Any(m => m.Name == t.Task.Name))]));
            }

            model.Probe(0);
        }
        catch (InferenceException exception)
        {
            problems.Add(exception.Message);
        }

        return problems;
    }

    public AnalyticsPipeline Pipeline(
        LoadedModel loaded, IEventSource source, IOutboundSink sink, InputOptions input, OutputOptions output, PipelineSettings settings,
        DriftMonitor? watch = null, ShadowModel? shadow = null) =>
        new(source, new EventDecoder(input), loaded.Tokenizer, loaded.Model, new EventEncoder(output, loaded.Model.Identity),
            sink, settings, _pipelineMetrics ??= new(Meters, Names), Time, Loggers.CreateLogger<AnalyticsPipeline>(), watch, shadow);

    public void Dispose() => owned?.Dispose();
}

internal static class LoggingSetup
{
    /// <summary>One line per message, all of them to stderr: stdout belongs to the results.</summary>
    public static ILoggingBuilder AddStderrConsole(this ILoggingBuilder logging)
    {
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        });
        logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
            console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        return logging;
    }
}
