namespace MtlStream.Tasks;

/// <summary>A kind of task: its name in the manifest, and how a task of it is made from there.</summary>
/// <param name="Name">The manifest's <c>kind</c>, such as <c>single_label</c>.</param>
/// <param name="Outputs">Members of the manifest's <c>outputs</c>: one for each of a task's <see cref="ModelTask.Outputs"/>.</param>
/// <param name="Read">Makes the task; may be null when something is wrong with it, which is noted then.</param>
public sealed record TaskKind(string Name, IReadOnlyList<string> Outputs, Func<TaskFields, ModelTask?> Read)
{
    /// <summary>Members of a task in the manifest that only this kind has.</summary>
    public IReadOnlyList<string> Members { get; init; } = [];

    /// <summary>The kinds that are built in. A new one is a file beside these, and its line here.</summary>
    public static IReadOnlyList<TaskKind> All { get; } =
    [
        SingleLabelTask.Definition, MultiLabelTask.Definition, TokenTagsTask.Definition, TokenSpansTask.Definition, VectorTask.Definition,
        KeptWordsTask.Definition, KeptSentencesTask.Definition, AnswerSpanTask.Definition, ReplyVectorsTask.Definition,
    ];
}
