using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Serving;
using MtlStream.Text;

namespace MtlStream.Onnx;

/// <summary>Finds, loads and verifies model packages, the same way for every command.</summary>
public sealed class ModelLoader(ILoggerFactory loggers, IMeterFactory meters)
{
    private readonly Lazy<ModelMetrics> _metrics = new(() => new(meters));

    /// <summary>The package that an option or a setting names.</summary>
    /// <exception cref="UsageException">There is no such folder, no package in it, or none came with the program.</exception>
    /// <exception cref="InvalidDataException">The manifest is not what it should be.</exception>
    public static ModelManifest Find(string path)
    {
        string folder;
        try
        {
            folder = ModelManifest.Locate(path);
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

    /// <summary>The package that the options name, if it has the tasks that they ask for, with their thresholds.</summary>
    /// <exception cref="UsageException">The options name a folder, a task or a label that there is not.</exception>
    /// <exception cref="InvalidDataException">The manifest is not what it should be.</exception>
    public static ModelManifest Find(ModelOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var manifest = Find(options.Path);
        try
        {
            Asking.Check(manifest, options);
            Ranking.Check(manifest, options);
            return manifest.With(options.Thresholds).Knowing(options.ConstantLabels ? ModelOptions.AnyLanguage : options.Languages);
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
    public LoadedModel Load(ModelOptions options, TokenizationOptions tokenization, BatchingOptions? limits = null)
    {
        var manifest = Find(options);
        var tokenizer = TextTokenizer.Load(manifest.Tokenizer, tokenization);
        if (!options.ConstantLabels) manifest = Ranking.Over(manifest, options, tokenizer, loggers.CreateLogger<OnnxMultitaskModel>());
        var onnx = options.ConstantLabels ? null : OnnxMultitaskModel.Load(manifest, options, loggers.CreateLogger<OnnxMultitaskModel>(), _metrics.Value, limits);
        IMultitaskModel model = onnx is null ? new NullModel([.. manifest.Select(options.Tasks, options.OnRequest).Select(t => t.Task)]) : onnx;
        if (options.RecentResults > 0) model = new RecentResults(model, options.RecentResults, _metrics.Value.RowsRemembered);
        model = new Asking(loggers.CreateLogger<OnnxMultitaskModel>(), _metrics.Value, tokenizer).Around(model, onnx?.Threads ?? 1, manifest, options, limits);
        return new(manifest, model, tokenizer) { Threads = onnx?.Threads ?? 1, Fallback = onnx?.Fallback };
    }

    /// <summary>One task of a package as its graph has it, also one that results carry in another form: for measuring.</summary>
    /// <inheritdoc cref="Load"/>
    public LoadedModel LoadAlone(ModelOptions options, string task)
    {
        var manifest = Find(options with { Tasks = "" });
        var model = OnnxMultitaskModel.Load(manifest, options with { Tasks = task }, loggers.CreateLogger<OnnxMultitaskModel>(), _metrics.Value);
        return new(manifest, model, TextTokenizer.Load(manifest.Tokenizer, new())) { Threads = model.Threads, Fallback = model.Fallback };
    }

    /// <summary>As <see cref="Load"/>, and has the model show that it says what it said when it was made.</summary>
    /// <returns>With every checksum in its manifest, see <see cref="ModelManifest.WithEveryChecksum"/>. The null model is not asked.</returns>
    /// <exception cref="UsageException">The options name a folder or a task that there is not.</exception>
    /// <exception cref="InvalidDataException">The package is not what its manifest says, or the model says something else; one message names every difference.</exception>
    public LoadedModel LoadVerified(ModelOptions options, TokenizationOptions tokenization, BatchingOptions? limits = null)
    {
        var loaded = Load(options, tokenization, limits);
        try
        {
            var problems = options.ConstantLabels ? [] : Differences(loaded, tokenization);
            if (problems.Count == 0) return loaded with { Manifest = loaded.Manifest.WithEveryChecksum() };
            throw PackageProblems.Of(loaded.Manifest.Folder, problems);
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
                problems.AddRange(golden.Compare(model, [.. manifest.Tasks.Where(t => model.Tasks.Any(m => m.Name == t.Task.Name && m.Kind == t.Task.Kind))]));
            }

            model.Probe(0);
        }
        catch (InferenceException exception)
        {
            problems.Add(exception.Message);
        }

        return problems;
    }
}
