namespace MtlStream.Learning.Data;

/// <summary>Something about labelled data that its owner should know.</summary>
/// <param name="Kind">What it is, in one or two words.</param>
/// <param name="Message">How much of it, and where: lines, no text.</param>
public sealed record DataFinding(string Kind, string Message);
