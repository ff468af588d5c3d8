using System.Globalization;
using Microsoft.ML.OnnxRuntime.Tensors;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Models;

namespace MtlStream.Onnx;

/// <summary>Compares a loaded graph with what its manifest says.</summary>
internal static class GraphCheck
{
    /// <returns>One sentence for each tensor that does not fit; empty when all do.</returns>
    public static IReadOnlyList<string> Compare(InferenceSession session, ModelInputs inputs, IReadOnlyList<ManifestTask> tasks)
    {
        var problems = new List<string>();
        var expected = inputs.Names;
        foreach (var name in expected) Check("input", name, session.InputMetadata, TensorElementType.Int64, null, problems);
        foreach (var name in session.InputNames.Except(expected))
            problems.Add($"input {name}: found in the graph, but the manifest's inputs are {string.Join(", ", expected)}.");

        foreach (var (task, tensors, _, _, _) in tasks)
        {
            foreach (var (output, tensor) in task.Outputs.Zip(tensors))
            {
                int? width = output.PerToken == 0 ? output.Fixed : null;
                Check($"task {task.Name}, output", tensor, session.OutputMetadata, InferenceWorker.TypeOf(output), width, problems);
            }
        }

        return problems;
    }

    private static void Check(
        string what, string name, IReadOnlyDictionary<string, NodeMetadata> tensors, TensorElementType type, int? width, List<string> problems)
    {
        var second = width?.ToString(CultureInfo.InvariantCulture) ?? "padded length";
        var wanted = $"{type} [sequences, {second}]";
        if (!tensors.TryGetValue(name, out var found))
        {
            problems.Add($"{what} {name}: not in the graph, which has {string.Join(", ", tensors.Keys)}; expected {wanted}.");
            return;
        }

        // A dimension that may vary is -1. The sequences may always vary; the width is the number of labels, or varies too.
        var dimensions = found.Dimensions;
        if (found.ElementDataType != type || dimensions.Length != 2 || dimensions[0] > 0 || !(dimensions[1] == (width ?? -1)))
            problems.Add($"{what} {name}: found {found.ElementDataType} [{string.Join(", ", dimensions)}], expected {wanted} with -1 for what varies.");
    }
}
