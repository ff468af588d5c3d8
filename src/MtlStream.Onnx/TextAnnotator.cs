using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Onnx.Generation;
using MtlStream.Text;

namespace MtlStream.Onnx;

/// <summary>A model package that annotates texts in this process, by the worker's own pipeline and without Kafka.</summary>
/// <remarks>Safe to call from several threads, which take turns. Many texts in one call are several times as fast as one by one.</remarks>
public sealed class TextAnnotator : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly ServiceProvider _services;
    private readonly PipelineAssembly _pipelines;
    private readonly LoadedModel _loaded;

    private TextAnnotator(ModelOptions options, GenerationOptions generation, Action<ILoggingBuilder>? logging)
    {
        _services = new ServiceCollection().AddMetrics().AddLogging(logging ?? (_ => { })).BuildServiceProvider();
        try
        {
            var (loggers, meters) = (_services.GetRequiredService<ILoggerFactory>(), _services.GetRequiredService<IMeterFactory>());
            _pipelines = new(loggers, meters, TimeProvider.System);
            var labels = new ModelLoader(loggers, meters).Load(options, new TokenizationOptions());
            _loaded = new GeneratorLoader(meters).Beside(labels, generation, string.Join(',', generation.Models.Keys));
        }
        catch
        {
            _services.Dispose();
            throw;
        }
    }

    /// <summary>The package: its name, version, tasks and labels.</summary>
    public ModelManifest Model => _loaded.Manifest;

    /// <summary>Loads the package in a folder; seconds on a CPU.</summary>
    /// <param name="logging">Where to log to; nowhere if null.</param>
    /// <exception cref="UsageException">There is no such folder, or no package in it.</exception>
    /// <exception cref="InvalidDataException">The package is not what its manifest says.</exception>
    public static TextAnnotator Load(string folder, Action<ILoggingBuilder>? logging = null) => Load(new ModelOptions { Path = folder }, logging);

    /// <summary>As <see cref="Load(string, Action{ILoggingBuilder}?)"/>, with the device, the tasks and the other settings of <c>Model</c>.</summary>
    /// <exception cref="UsageException">The options name a folder or a task that there is not.</exception>
    public static TextAnnotator Load(ModelOptions options, Action<ILoggingBuilder>? logging = null) => new(options, new(), logging);

    /// <summary>As <see cref="Load(ModelOptions, Action{ILoggingBuilder}?)"/>, with models each of which writes a text about every one.</summary>
    /// <param name="generation">Its <see cref="GenerationOptions.Models"/>; <see cref="Annotation.this"/> has what they wrote, by their names.</param>
    /// <exception cref="UsageException">The options name a folder or a task that there is not, or a name is a task's.</exception>
    public static TextAnnotator Load(ModelOptions options, GenerationOptions generation, Action<ILoggingBuilder>? logging = null)
    {
        ArgumentNullException.ThrowIfNull(generation);
        return new(options, generation, logging);
    }

    /// <summary>Annotates one text.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public async Task<Annotation> AnnotateAsync(string text, CancellationToken cancellation = default) => (await AnnotateAsync([text], cancellation))[0];

    /// <summary>Annotates texts.</summary>
    /// <returns>One for each text, in their order; a text that cannot be annotated says why, and costs no other its answer.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellation"/> was cancelled.</exception>
    public async Task<IReadOnlyList<Annotation>> AnnotateAsync(IReadOnlyList<string> texts, CancellationToken cancellation = default)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            return await TextRun.AnalyseAsync(_pipelines, _loaded, texts, cancellation, allScores: false);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _loaded.Dispose();
        _services.Dispose();
        _turn.Dispose();
    }
}
