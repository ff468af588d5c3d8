using MtlStream.Learning;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Tasks;

namespace MtlStream.Host;

/// <summary>A package loaded for tasks that are measured in one way.</summary>
/// <param name="Labels">Whether these are tasks that give labels.</param>
/// <param name="Scores">Which of the loaded tasks are measured.</param>
internal sealed record EvalLoad(bool Labels, Func<LoadedModel> Load, Func<ModelTask, bool> Scores);

/// <summary>The loads of a package that measure all that is asked for: tasks that nobody asks for would make the others dearer.</summary>
internal static class EvalLoads
{
    /// <param name="options">Which package and device.</param>
    /// <param name="names">Of tasks, comma-separated; empty for all that can be measured.</param>
    /// <exception cref="UsageException">There is no such task.</exception>
    public static List<EvalLoad> Of(ModelLoader models, ModelOptions options, string names)
    {
        var manifest = ModelLoader.Find(options);
        var tasks = Selected(manifest, names);
        var loads = new List<EvalLoad>();
        var shortening = tasks.Where(t => t is KeptLabelTask).ToList();
        var labels = tasks.Where(t => t is not (KeptLabelTask or AnswerSpanTask or ReplyVectorsTask)).ToList();
        if (labels.Count > 0) loads.Add(new(true, () => models.Load(options with { Tasks = Joined(labels) }, new()), _ => true));
        if (shortening.Count > 0) loads.Add(new(false, () => models.Load(options with { Tasks = Joined(shortening) }, new()), _ => true));
        if (tasks.Any(t => t is AnswerSpanTask))
        {
            var beside = manifest.Tasks.Last(t => !t.Task.OnRequest).Task.Name;
            var asking = (options with { Tasks = beside }).Asking(new Dictionary<string, string>(), Evaluator.QuestionPointer);
            loads.Add(new(false, () => models.Load(asking, new()), t => t is AnswersTask));
        }

        foreach (var reply in tasks.Where(t => t is ReplyVectorsTask)) loads.Add(new(false, () => models.LoadAlone(options, reply.Name), _ => true));
        return loads;
    }

    private static List<ModelTask> Selected(ModelManifest manifest, string names)
    {
        try
        {
            var given = names.Length > 0 ? manifest.Select(names) : manifest.Tasks.Where(t => t.Task is not VectorTask);
            return [.. given.Select(t => t.Task)];
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException(exception.Message, exception);
        }
    }

    private static string Joined(List<ModelTask> tasks) => string.Join(',', tasks.Select(t => t.Name));
}
