namespace MtlStream.Tasks;

/// <summary>What a head of the model says about a text. In snake case the names are those of the manifest.</summary>
public enum TaskKind
{
    /// <summary>One label per text.</summary>
    SingleLabel,

    /// <summary>Any number of labels per text.</summary>
    MultiLabel,

    /// <summary>One label per word.</summary>
    TokenTags,

    /// <summary>Spans of words, as BIO labels.</summary>
    TokenSpans,
}

/// <summary>One task of the model.</summary>
/// <param name="Labels">Label names in logit order. Read from the manifest, never from code.</param>
/// <param name="Thresholds">
/// Least score of each label for it to be given; empty when the best label always holds. For <see cref="TaskKind.SingleLabel"/>
/// one value: below it the text is out of scope.
/// </param>
public sealed record ModelTask(string Name, TaskKind Kind, IReadOnlyList<string> Labels, IReadOnlyList<float> Thresholds)
{
    public bool IsTokenLevel => Kind is TaskKind.TokenTags or TaskKind.TokenSpans;
}
