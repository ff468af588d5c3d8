using MtlStream.Learning.Data;

namespace MtlStream.Learning.Teaching;

/// <summary>One way to train the head, and how it did on texts left out.</summary>
/// <param name="Name">What is particular about it.</param>
public sealed record Candidate(string Name, double Accuracy);

/// <summary>What was taught, and from what.</summary>
/// <param name="Texts">Those that it was taught from.</param>
/// <param name="Examples">The same with their labels, each an object that becomes a line of JSON.</param>
public sealed record Taught(TaughtHead Head, TeachReport Report, IReadOnlyList<string> Texts, IReadOnlyList<object> Examples);

/// <summary>What teaching a task came to.</summary>
/// <param name="Heads">Names of the heads whose mean is taught.</param>
/// <param name="Candidates">The heads that were tried, best first.</param>
/// <param name="Test">Null without a test set.</param>
/// <param name="OldOutputsIdentical">True when every output of every old task had the same bits on <paramref name="TextsCompared"/> texts.</param>
public sealed record TeachReport(
    string Task, string Kind, int Examples, IReadOnlyList<string> Labels, TimeSpan Elapsed, IReadOnlyList<DataFinding> Findings,
    IReadOnlyList<string> Heads, IReadOnlyList<Candidate> Candidates, TaughtScores CrossValidation, TaughtScores? Test, LearningCurve Curve,
    IReadOnlyList<ProbableMistake> Mistakes, SeenLabels Seen, bool OldOutputsIdentical, int TextsCompared, string Package);
