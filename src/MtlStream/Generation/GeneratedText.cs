namespace MtlStream.Generation;

/// <summary>Tokens that a search came to.</summary>
/// <param name="Ids">Without start and end.</param>
/// <param name="Score">Mean probability of a token: the geometric one.</param>
/// <param name="Truncated">Whether it has no end of its own: there was no room, or it went round in circles.</param>
internal sealed record GeneratedTokens(IReadOnlyList<int> Ids, float Score, bool Truncated);

/// <summary>A text that a model wrote about an event's.</summary>
/// <param name="Name">What results call it.</param>
/// <param name="Score">Mean probability of a token: the geometric one.</param>
/// <param name="Truncated">Whether the source was not read to its end, or the text has no end of its own.</param>
/// <param name="Experimental">Whether the package calls itself so.</param>
public sealed record GeneratedText(string Name, string Text, float Score, bool Truncated, bool Experimental);
