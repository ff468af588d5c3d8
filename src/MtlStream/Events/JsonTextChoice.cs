using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>What pointers have led to in an object: its text, or why it has none.</summary>
internal static class JsonTextChoice
{
    /// <summary>JSON in strings in strings: more of it is nobody's intention.</summary>
    private const int MostLayers = 4;

    /// <param name="body">Holds the document that was scanned.</param>
    /// <param name="start">Where that document starts in it.</param>
    public static bool TryChoose(
        byte[] body, int start, scoped in JsonTextScan scan, out TextPiece text, out IReadOnlyList<TextPiece>? pieces, out Problem problem) =>
        TryChoose(body, start, scan, 0, out text, out pieces, out problem);

    private static bool TryChoose(
        byte[] body, int start, scoped in JsonTextScan scan, int layer, out TextPiece text, out IReadOnlyList<TextPiece>? pieces, out Problem problem)
    {
        var pointers = scan.Pointers;
        pieces = null;
        if (!pointers.Named) return TryFind(body, start, scan, 0, layer, out text, out problem);

        var found = new List<TextPiece>();
        var problems = new List<Problem>();
        for (var i = 0; i < pointers.Count && (found.Count == 0 || pointers.Separator is not null); i++)
        {
            if (!TryFind(body, start, scan, i, layer, out var piece, out problem)) problems.Add(problem);
            else if (JsonText.IsBlank(piece.Contents, piece.Escaped)) problems.Add(Blank(pointers[i]));
            else found.Add(piece with { From = pointers[i].ToString() });
        }
        pieces = found;
        text = found.Count > 0 ? found[0] : default;
        problem = found.Count > 0 ? default : Together(problems);
        return found.Count > 0;
    }

    private static bool TryFind(
        byte[] body, int start, scoped in JsonTextScan scan, int index, int layer, out TextPiece piece, out Problem problem)
    {
        var path = scan.PathOf(index);
        var pointer = scan.Pointers[index];
        piece = default;
        problem = default;
        if (path.Found.Kind == JsonTokenType.String)
        {
            piece = new(body, start + path.Found.Start + 1, start + path.Found.End - 1, path.Found.Escaped);
            if (path.FoundParts == pointer.Segments.Length) return true;
            if (layer < MostLayers && TryFindInside(piece, pointer.From(path.FoundParts), layer + 1, out piece, out problem)) return true;
        }
        if (problem.Message is null) problem = Missing(path, pointer, scan.Place);
        return false;
    }

    /// <summary>Goes on inside a string that holds an object; without a problem where it holds none.</summary>
    private static bool TryFindInside(TextPiece outer, JsonPointer pointer, int layer, out TextPiece piece, out Problem problem)
    {
        piece = default;
        problem = default;
        if (!JsonText.LooksLikeJson(outer.Contents, outer.Escaped, (byte)'{')) return false;
        var inner = outer.Escaped ? JsonText.UnescapeToUtf8(outer.Contents) : outer.Contents.ToArray();
        Span<JsonPath> paths = stackalloc JsonPath[1];
        var place = new JsonPlace(0, " of the JSON in a string");
        var scan = new JsonTextScan(inner, new([pointer], separator: null, named: false), paths, place);
        try
        {
            scan.Reader.Read();
            scan.ReadObject();
            scan.Reader.Read();
        }
        catch (JsonException exception)
        {
            problem = scan.Malformed(exception);
            return false;
        }
        return TryChoose(inner, 0, scan, layer, out piece, out _, out problem);
    }

    private static Problem Missing(JsonPath path, JsonPointer pointer, JsonPlace place)
    {
        var at = place.At(path.Found.Start);
        if (path.FoundParts == pointer.Segments.Length)
        {
            var reason = path.Found.Kind == JsonTokenType.Null ? RejectionReason.MissingText : RejectionReason.WrongType;
            return new(reason, $"The text at {pointer} is {path.Found.Name} ({at}); expected a string.");
        }
        var prefix = pointer.Prefix(path.FoundParts);
        var holder = prefix.Length == 0 ? "the object that should hold the text" : prefix;
        var next = pointer.Segments[path.FoundParts].Name;
        return new(RejectionReason.MissingText, path.Found.Kind switch
        {
            JsonTokenType.StartObject => $"There is no member \"{next}\" in {holder} ({at}); expected the text at {pointer}.",
            JsonTokenType.StartArray =>
                $"The array at {prefix} ({at}) has {path.FoundElements} elements and none that \"{next}\" names; expected the text at {pointer}.",
            _ => $"The value at {prefix} is {path.Found.Name} ({at}); expected an object or array with the text at {pointer}.",
        });
    }

    private static Problem Blank(JsonPointer pointer) =>
        new(RejectionReason.EmptyText, $"The text at {pointer} is empty or white space; expected at least one other character.");

    /// <summary>One problem of several: the reason is that of the pointer that came closest to a text.</summary>
    private static Problem Together(List<Problem> problems)
    {
        var reason = problems.Exists(p => p.Reason == RejectionReason.WrongType) ? RejectionReason.WrongType
            : problems.Exists(p => p.Reason == RejectionReason.EmptyText) ? RejectionReason.EmptyText
            : problems[0].Reason;
        return new(reason, $"None of {problems.Count} pointers leads to a text. {string.Join(" ", problems.Select(p => p.Message))}");
    }
}
