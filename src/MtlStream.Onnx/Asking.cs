using Microsoft.Extensions.Logging;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Serving;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Onnx;

/// <summary>Has a package answer the questions that the options name.</summary>
internal sealed class Asking(ILogger logger, ModelMetrics metrics, TextTokenizer tokenizer)
{
    /// <summary>Checks that the package has the tasks that the options ask for, and one that answers where they ask something.</summary>
    /// <exception cref="InvalidDataException">It has not.</exception>
    public static void Check(ModelManifest manifest, ModelOptions options)
    {
        var selected = manifest.Select(options.Tasks, options.OnRequest);
        if (selected.FirstOrDefault(t => t.Task is AnswerSpanTask) is { } answer)
        {
            throw new InvalidDataException(
                $"Model:Tasks: found {answer.Task.Name}, which answers what Questions:NAME or Input:QuestionPointer ask; expected it to be left out.");
        }

        if (!Asks(options)) return;
        if (Answering(manifest) is null)
            throw new InvalidDataException($"Questions: found {Describe(options)}, but the package {manifest.Name} {manifest.Version} has no task that answers questions.");
        if (manifest.Inputs.Cases is null)
            throw new InvalidDataException($"Questions: the graph of {manifest.Name} {manifest.Version} has no input for letter case, which tells a question from a text.");
    }

    /// <summary>The model, which answers the questions too where there are any.</summary>
    /// <param name="threads">Threads of one call of the model, on a CPU.</param>
    /// <exception cref="UsageException">A question has nothing to be read.</exception>
    public IMultitaskModel Around(IMultitaskModel model, int threads, ModelManifest manifest, ModelOptions options, BatchingOptions? limits)
    {
        if (!Asks(options) || options.ConstantLabels || Answering(manifest) is not { } answer) return model;
        try
        {
            var questions = options.Questions.Select(q => Tokens(q.Key, q.Value)).ToList();
            if (options.QuestionPointer.Length > 0) questions.Add(new(options.QuestionPointer, []));
            var alone = options with { Tasks = answer.Task.Name, Device = model.Identity.Device, Lanes = model.Workers, ThreadsPerLane = threads };
            var answering = OnnxMultitaskModel.Load(manifest, alone, logger, metrics, limits);
            return new AskingModel(model, answering, questions, manifest.MaxTokens, metrics.Asked);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private AskedQuestion Tokens(string name, string question)
    {
        using var tokens = tokenizer.Tokenize(question);
        return tokens.IsEmpty ? throw new UsageException($"Questions:{name}: found nothing that can be read, expected a question.") : new(name, tokens.Tokens.ToArray());
    }

    private static bool Asks(ModelOptions options) => options.Questions.Count > 0 || options.QuestionPointer.Length > 0;

    private static ManifestTask? Answering(ModelManifest manifest) => manifest.Tasks.FirstOrDefault(t => t.Task is AnswerSpanTask);

    private static string Describe(ModelOptions options) =>
        options.Questions.Count > 0 ? string.Join(", ", options.Questions.Keys) : $"Input:QuestionPointer={options.QuestionPointer}";
}
