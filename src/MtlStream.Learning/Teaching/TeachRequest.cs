using MtlStream.Learning.Data;

namespace MtlStream.Learning.Teaching;

/// <summary>What is to be taught about texts.</summary>
/// <param name="Task">Name of the new task.</param>
/// <param name="Test">Texts that only the last score sees; none for cross-validation alone.</param>
/// <param name="Unlabelled">Texts without labels, such as the stream's.</param>
/// <param name="Seed">Makes a run repeatable.</param>
public sealed record TeachRequest(
    string Task, IReadOnlyList<LabelledExample> Texts, bool MultiLabel, IReadOnlyList<LabelledExample> Test,
    IReadOnlyList<string> Unlabelled, int Seed = 1)
{
    /// <summary>Name of the task's kind in the manifest.</summary>
    public string Kind => MultiLabel ? "multi_label" : "single_label";
}
