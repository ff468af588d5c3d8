using System.Text.Json;

namespace MtlStream.Events;

/// <summary>Several events in one message.</summary>
internal static class EventArray
{
    /// <summary>Most events of one message: all of them are in memory at once until the last one is answered.</summary>
    public const int MostElements = 10_000;

    /// <summary>Reads an array from a byte to the end of the body, each element by itself.</summary>
    /// <exception cref="JsonException">Never: an array that is not well-formed is refused.</exception>
    public static Decoding Read(byte[] body, int start, JsonPlace place, TextPointers pointers, Func<byte[], JsonPlace, Decoding> read)
    {
        var scan = new JsonTextScan(body.AsSpan(start), pointers, [], place);
        var places = new List<(int Start, int End)>();
        try
        {
            scan.Reader.Read();
            while (scan.Reader.Read() && scan.Reader.TokenType != JsonTokenType.EndArray)
            {
                var element = scan.Mark();
                places.Add((start + element.Start, start + element.End));
            }
            scan.Reader.Read(); // on, so that anything behind the array is found
        }
        catch (JsonException exception)
        {
            return Decoding.Refused(scan.Malformed(exception));
        }
        if (places.Count == 0)
        {
            return Decoding.Refused(new(
                RejectionReason.MissingText, $"The payload is an array without elements; expected objects with the text at {pointers}."));
        }
        if (places.Count > MostElements)
        {
            return Decoding.Refused(new(
                RejectionReason.PayloadTooLarge, $"The payload is an array of {places.Count} elements; expected at most {MostElements}."));
        }
        var elements = new Decoding[places.Count];
        for (var i = 0; i < elements.Length; i++)
        {
            var (from, to) = places[i];
            var element = body[from..to];
            elements[i] = read(element, place with { Shift = place.Shift + from - start }).Carrying(element);
        }
        return Decoding.Many(new(body, start, places, elements));
    }
}
