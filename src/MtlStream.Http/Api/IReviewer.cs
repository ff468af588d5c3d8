namespace MtlStream.Http.Api;

/// <summary>One text that a person is asked about.</summary>
/// <param name="Reasons">Why it was drawn; none where it is not told.</param>
public sealed record AskedQuestion(string Id, string Text, IReadOnlyList<string> Reasons);

/// <summary>How far a person is with a task.</summary>
/// <param name="Tasks">Those that can be asked about.</param>
/// <param name="Labels">To choose from.</param>
/// <param name="Several">Whether a text may have any number of them.</param>
/// <param name="Spans">Whether they are types of spans: an answer has labels such as <c>LOC 12-18</c>, UTF-16 units of the text.</param>
/// <param name="Done">Questions that this person has answered.</param>
/// <param name="Left">Questions still to be answered by this person.</param>
/// <param name="Agreement">Krippendorff's alpha between people; null where no two answered the same.</param>
/// <param name="Question">The next one; null where none is left.</param>
public sealed record ReviewState(
    string Task, IReadOnlyList<string> Tasks, IReadOnlyList<string> Labels, bool Several, bool Spans, int Done, int Left, bool CanUndo, double? Agreement, AskedQuestion? Question);

/// <summary>Asks people for labels, and keeps what they say. Thread-safe.</summary>
public interface IReviewer
{
    /// <summary>Where a person stands.</summary>
    /// <param name="task">Empty for the one that most questions are about.</param>
    /// <exception cref="ArgumentException">There is no such task; the message lists those that there are.</exception>
    ReviewState State(string task, string by);

    /// <summary>Writes an answer down, durably, and gives the next question.</summary>
    /// <param name="labels">None where none fits; null where the person cannot tell.</param>
    /// <exception cref="ArgumentException">There is no such task, question or label.</exception>
    /// <exception cref="IOException">It cannot be written down.</exception>
    ReviewState Answer(string task, string by, string question, IReadOnlyList<string>? labels);

    /// <summary>Takes this person's last answer back.</summary>
    ReviewState Undo(string task, string by);
}
