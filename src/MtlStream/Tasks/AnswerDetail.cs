namespace MtlStream.Tasks;

/// <summary>How much a task writes into a result.</summary>
/// <param name="AllScores">Also every label's score, where the task has one for the whole text.</param>
/// <param name="ByteVectors">Vectors as whole numbers from -127 to 127 and a factor.</param>
public sealed record AnswerDetail(bool AllScores = false, bool ByteVectors = false);
