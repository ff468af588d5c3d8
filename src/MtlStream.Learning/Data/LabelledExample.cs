namespace MtlStream.Learning.Data;

/// <summary>A text and the labels that a person gave it.</summary>
/// <param name="Line">Line of the file on which it begins, from 1.</param>
public sealed record LabelledExample(string Text, IReadOnlyList<string> Labels, int Line);
