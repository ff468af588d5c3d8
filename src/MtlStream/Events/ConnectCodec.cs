using System.Text.Json;
using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>The envelope <c>{"schema": ..., "payload": ...}</c> that Kafka Connect's JsonConverter writes where it is to keep schemas.</summary>
/// <remarks>
/// That converter refuses a third member, and leaves out members of the payload that the schema does not declare. So the analysis
/// goes into the payload, and the schema, where there is one, gets the field that declares it.
/// </remarks>
/// <param name="pointers">Relative to the payload; where they lead nowhere, those that begin with <c>/payload</c> are from the top.</param>
internal sealed class ConnectCodec(TextPointers pointers) : PayloadCodec
{
    private static readonly TextPointers s_text = TextPointers.Of(new());

    private readonly TextPointers? _fromTheTop = pointers.Below("payload");
    private readonly JsonCodec _payload = new(pointers, recognizes: false);
    private volatile Declared? _declared; // made for the first answer, and again when another model takes over

    /// <summary>Always false: <see cref="JsonCodec"/> finds out whether an object is an envelope.</summary>
    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        decoding = default;
        return false;
    }

    /// <summary>Reads an object that was scanned; false when it is no envelope.</summary>
    public bool TryRead(byte[] body, int start, scoped in JsonTextScan scan, out Decoding decoding)
    {
        decoding = default;
        var schema = scan.Schema;
        var payload = scan.Payload;
        if (scan.Members != 2 || payload.Kind == JsonTokenType.None) return false;
        var fields = default(ConnectFields);
        var type = "";
        var isStruct = schema.Kind == JsonTokenType.StartObject
            && ConnectSchema.TryFindFields(scan.Json[schema.Start..schema.End], start + schema.Start, out fields, out type);
        if (schema.Kind != JsonTokenType.Null && type.Length == 0) return false;
        decoding = payload.Kind switch
        {
            JsonTokenType.StartObject when isStruct => ReadPayload(body, start, scan, fields),
            JsonTokenType.StartObject when schema.Kind == JsonTokenType.Null => ReadPayload(body, start, scan, null),
            JsonTokenType.String when !isStruct => ReadString(scan),
            JsonTokenType.Null => Decoding.Refused(new(
                RejectionReason.MissingText, $"Kafka Connect's payload is null ({scan.Place.At(payload.Start)}); expected {Expected}.")),
            _ => Decoding.Refused(new(
                RejectionReason.WrongType,
                $"Kafka Connect's payload is {payload.Name} ({scan.Place.At(payload.Start)}) " +
                $"and its schema {(type.Length > 0 ? type : "null")}; expected {Expected}.")),
        };
        return true;
    }

    public override byte[] Answer(TextEvent decoded, in Analysis analysis)
    {
        var envelope = decoded.Envelope;
        var places = (Places)envelope.State!;
        var edits = new List<(int From, int To, byte[] Put)>();
        foreach (var (from, to) in places.Earlier) edits.Add((from, to, []));
        if (envelope.RemoveStart >= 0) edits.Add((envelope.RemoveStart, envelope.RemoveEnd, []));
        byte[] member = [.. envelope.NeedsComma ? ",\"analysis\":"u8 : "\"analysis\":"u8, .. analysis.Json];
        edits.Add((envelope.InsertAt, envelope.InsertAt, member));
        if (places.Fields is { } fields)
        {
            if (fields.RemoveStart >= 0) edits.Add((fields.RemoveStart, fields.RemoveEnd, []));
            var field = FieldOf(analysis.Shape);
            edits.Add((fields.InsertAt, fields.InsertAt, fields.NeedsComma ? [(byte)',', .. field] : field));
        }
        return Edited(envelope.Rewritten ?? decoded.Source.Payload!, envelope.Skip, edits);
    }

    private string Expected => $"an object with the text at {pointers} and a schema that is a struct or null";

    private static byte[] Edited(byte[] body, int start, List<(int From, int To, byte[] Put)> edits)
    {
        var output = new MemoryStream(body.Length);
        var copied = start;
        foreach (var (from, to, put) in edits.OrderBy(e => e.From))
        {
            output.Write(body, copied, from - copied);
            output.Write(put);
            copied = to;
        }
        output.Write(body, copied, body.Length - copied);
        return output.ToArray();
    }

    private Decoding ReadPayload(byte[] body, int start, scoped in JsonTextScan scan, ConnectFields? fields)
    {
        var decoding = ReadPayload(body, start, scan, fields, pointers);
        if (decoding.Problem is not { Reason: RejectionReason.MissingText } || _fromTheTop is null) return decoding;
        var other = ReadPayload(body, start, scan, fields, _fromTheTop);
        return other.Problem is null ? other : decoding;
    }

    private Decoding ReadPayload(byte[] body, int start, scoped in JsonTextScan scan, ConnectFields? fields, TextPointers from)
    {
        var payload = scan.Payload;
        var at = start + payload.Start;
        Span<JsonPath> paths = stackalloc JsonPath[from.Count];
        var place = scan.Place with { Shift = scan.Place.Shift + payload.Start };
        var inner = new JsonTextScan(scan.Json[payload.Start..payload.End], from, paths, place);
        inner.Reader.Read();
        var envelope = inner.ReadObject().Moved(at);
        if (!JsonTextChoice.TryChoose(body, at, inner, out var text, out var pieces, out var problem)) return Decoding.Refused(problem);
        var places = new Places(fields, [.. (inner.Earlier ?? []).Select(e => (e.Start + at, e.End + at))]);
        return Decoding.Found(new(text, envelope with { Skip = start, Codec = this, State = places }, pieces));
    }

    // A text by itself becomes a struct of one field; JSON in a string becomes a payload without a schema, which describes the string.
    private Decoding ReadString(scoped in JsonTextScan scan)
    {
        var schema = scan.Schema;
        var quoted = scan.Json[scan.Payload.Start..scan.Payload.End];
        if (_payload.TryReadInside(quoted, scan.Payload.Escaped, out var inside))
        {
            if (inside.Problem is not null) return inside;
            if (inside.Several is not null) return Decoding.Refused(new(RejectionReason.WrongType, $"Kafka Connect's payload holds an array; expected {Expected}."));
            var inner = inside.Text.Envelope.Rewritten![inside.Text.Envelope.Skip..];
            return Rebuilt([.. "{\"schema\":null,\"payload\":"u8, .. inner, (byte)'}'], pointers);
        }
        if (schema.Kind == JsonTokenType.Null)
            return Rebuilt([.. "{\"schema\":null,\"payload\":{\"text\":"u8, .. quoted, .. "}}"u8], s_text);
        var field = scan.Json[schema.Start..(schema.End - 1)]; // without its closing brace
        return Rebuilt(
        [
            .. "{\"schema\":{\"type\":\"struct\",\"fields\":["u8, .. field, .. ",\"field\":\"text\"}],\"optional\":false},\"payload\":{\"text\":"u8,
            .. quoted, .. "}}"u8,
        ], s_text);
    }

    // What was rebuilt is an envelope in the common form, and read as such.
    private Decoding Rebuilt(byte[] envelope, TextPointers from)
    {
        Span<JsonPath> paths = stackalloc JsonPath[from.Count];
        var scan = new JsonTextScan(envelope, from, paths, new(0, " of the rebuilt payload"));
        scan.Reader.Read();
        scan.ReadObject();
        var schema = scan.Schema;
        ConnectFields? fields = schema.Kind == JsonTokenType.StartObject
            && ConnectSchema.TryFindFields(scan.Json[schema.Start..schema.End], schema.Start, out var found, out _) ? found : null;
        return ReadPayload(envelope, 0, scan, fields, from).Carrying(envelope);
    }

    private byte[] FieldOf(Shape shape)
    {
        var declared = _declared;
        if (declared is null || !ReferenceEquals(declared.Shape, shape)) _declared = declared = new(shape, ConnectSchema.FieldOf(shape));
        return declared.Field;
    }

    private sealed record Declared(Shape Shape, byte[] Field);

    /// <summary>Where an answer is put in, beside what its envelope says.</summary>
    private sealed record Places(ConnectFields? Fields, IReadOnlyList<(int From, int To)> Earlier);
}
