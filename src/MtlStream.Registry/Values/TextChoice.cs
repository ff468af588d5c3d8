using System.Text.Unicode;
using MtlStream.Events;
using MtlStream.Json;

namespace MtlStream.Registry.Values;

/// <summary>What pointers have led to in a value: its text, or why it has none.</summary>
internal static class TextChoice
{
    /// <param name="schema">Which schema, for messages.</param>
    public static bool TryChoose(
        TextPointers pointers, ReadOnlySpan<FoundValue> found, byte[] body, string schema,
        out TextPiece text, out IReadOnlyList<TextPiece>? pieces, out Problem problem)
    {
        pieces = null;
        if (!pointers.Named) return TryTake(pointers[0], found[0], body, schema, out text, out problem);
        var taken = new List<TextPiece>();
        var problems = new List<Problem>();
        for (var i = 0; i < pointers.Count && (taken.Count == 0 || pointers.Separator is not null); i++)
        {
            if (!TryTake(pointers[i], found[i], body, schema, out var piece, out problem)) problems.Add(problem);
            else if (JsonText.IsBlank(piece.Contents, escaped: false)) problems.Add(Blank(pointers[i]));
            else taken.Add(piece with { From = pointers[i].ToString() });
        }
        pieces = taken;
        text = taken.Count > 0 ? taken[0] : default;
        problem = taken.Count > 0 ? default : Together(problems);
        return taken.Count > 0;
    }

    private static bool TryTake(JsonPointer pointer, FoundValue found, byte[] body, string schema, out TextPiece piece, out Problem problem)
    {
        piece = new(found.Body ?? body, found.Start, found.End);
        problem = default;
        if (found.Kind == FoundKind.Text && Utf8.IsValid(piece.Contents)) return true;
        problem = found.Kind switch
        {
            FoundKind.Text => new(
                RejectionReason.InvalidUtf8, $"The text at {pointer} (bytes {found.Start} to {found.End} of the value, {schema}) is not valid UTF-8; expected UTF-8."),
            FoundKind.Null => new(RejectionReason.MissingText, $"The text at {pointer} is null ({schema}); expected a string."),
            FoundKind.Other => new(RejectionReason.WrongType, $"The value at {pointer} is {found.Type} ({schema}); expected a string."),
            _ => new(RejectionReason.MissingText, $"There is no value at {pointer} ({schema}); expected a string."),
        };
        return false;
    }

    private static Problem Blank(JsonPointer pointer) =>
        new(RejectionReason.EmptyText, $"The text at {pointer} is empty or white space; expected at least one other character.");

    private static Problem Together(List<Problem> problems)
    {
        var reason = problems.Exists(p => p.Reason == RejectionReason.WrongType) ? RejectionReason.WrongType
            : problems.Exists(p => p.Reason == RejectionReason.InvalidUtf8) ? RejectionReason.InvalidUtf8
            : problems.Exists(p => p.Reason == RejectionReason.EmptyText) ? RejectionReason.EmptyText
            : problems[0].Reason;
        return new(reason, $"None of {problems.Count} pointers leads to a text. {string.Join(" ", problems.Select(p => p.Message))}");
    }
}
