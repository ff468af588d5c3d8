using Microsoft.Extensions.Logging;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Onnx;

/// <summary>Has a package rank the replies that the options list: their vectors are made once, at the start.</summary>
internal static class Ranking
{
    /// <exception cref="InvalidDataException">The options ask for the task and list nothing, or list replies that the package cannot rank.</exception>
    public static void Check(ModelManifest manifest, ModelOptions options)
    {
        if (options.Replies.Length > 0 && Vectors(manifest) is null)
            throw new InvalidDataException($"Model:Replies: found {options.Replies}, but the package {manifest.Name} {manifest.Version} has no task that ranks replies.");
        if (options.Replies.Length == 0 && manifest.Select(options.Tasks, options.OnRequest).FirstOrDefault(t => t.Task is ReplyVectorsTask) is { } reply)
            throw new InvalidDataException($"Model:Tasks: found {reply.Task.Name}, which ranks the replies that Model:Replies lists; found none.");
    }

    /// <summary>The manifest with a task that ranks the replies in place of the one that gives vectors.</summary>
    /// <exception cref="UsageException">The list cannot be read.</exception>
    public static ModelManifest Over(ModelManifest manifest, ModelOptions options, TextTokenizer tokenizer, ILogger logger)
    {
        if (options.Replies.Length == 0 || Vectors(manifest) is not { } given) return manifest;
        var replies = ReplyList.Read(options.Replies);
        var task = (ReplyVectorsTask)given.Task;
        var alone = options with { Tasks = task.Name, Lanes = 1, ThreadsPerLane = 1 };
        using var model = OnnxMultitaskModel.Load(manifest, alone, logger);
        List<float[]> vectors = [.. replies.Select(r => VectorOf(r, model, tokenizer))];
        var served = given with { Task = task.Over([.. replies.Select(r => r.Name)], vectors), Tensors = [given.Tensors[ReplyVectorsTask.Said]] };
        return manifest with { Tasks = [.. manifest.Tasks.Select(t => ReferenceEquals(t, given) ? served : t)] };
    }

    /// <summary>As what may be said next; of a long reply that of its first window.</summary>
    private static float[] VectorOf(ListedReply reply, OnnxMultitaskModel model, TextTokenizer tokenizer)
    {
        using var tokens = tokenizer.Tokenize(reply.Text);
        if (tokens.IsEmpty) throw new UsageException($"Model:Replies: the reply {reply.Name} has nothing that can be read, expected a text.");
        using var said = model.Predict(new([new(tokens, 0)], tokens.SequenceLength(0), BatchTrigger.EndOfInput), 0);
        return said.Of(0, 0).Floats(ReplyVectorsTask.Next).ToArray();
    }

    private static ManifestTask? Vectors(ModelManifest manifest) => manifest.Tasks.FirstOrDefault(t => t.Task is ReplyVectorsTask);
}
