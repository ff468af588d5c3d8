using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Http.Requests;

namespace MtlStream.Http.Api;

/// <summary>How the texts of a request came, and how its answers go.</summary>
internal enum AskedForm
{
    /// <summary>One text or event: one result.</summary>
    One,

    /// <summary>A JSON array.</summary>
    Array,

    /// <summary>A JSON document a line.</summary>
    Lines,
}

/// <summary>The texts of a request.</summary>
internal sealed record AskedTexts(AskedForm Form, IReadOnlyList<PendingText> Texts)
{
    private const int DeepestJson = 64;

    private static readonly string[] s_lines = ["application/x-ndjson", "application/jsonl", "application/json-lines"];

    /// <summary>Reads a body.</summary>
    /// <exception cref="ProblemException">It is nothing that texts can be found in.</exception>
    public static async Task<AskedTexts> ReadAsync(HttpRequest request, int most, CancellationToken cancelled)
    {
        if (request.Headers.ContentEncoding.Count > 0)
            throw new ProblemException(Problem.Unsupported("The body has a Content-Encoding; expected one without."));
        using var body = new MemoryStream();
        await request.Body.CopyToAsync(body, cancelled);
        var bytes = body.ToArray();
        if (bytes is [0x1F, 0x8B, ..]) throw new ProblemException(Problem.Unsupported("The body is gzip; expected it unpacked."));
        if (bytes.Length == 0) throw new ProblemException(Problem.Malformed("The body is empty; expected a text, or an event with one."));
        var asked = await ReadAsync(bytes, TypeOf(request), request.Headers, cancelled);
        if (asked.Texts.Count > most)
            throw new ProblemException(Problem.TooLarge($"The request has {asked.Texts.Count} texts; expected at most {most} (Http:MaxWaiting)."));
        return asked;
    }

    private static async Task<AskedTexts> ReadAsync(byte[] bytes, string type, IHeaderDictionary headers, CancellationToken cancelled)
    {
        if (type == "text/plain") return new(AskedForm.One, [new(bytes, isText: true, HeadersOf(headers, type))]);
        if (s_lines.Contains(type))
        {
            await using var reader = new LineReader(new MemoryStream(bytes));
            var lines = new List<PendingText>();
            while (await reader.ReadAsync(cancelled) is { Count: > 0 } some) lines.AddRange(some.Select(line => new PendingText(line, isText: false, HeadersOf(headers))));
            return new(AskedForm.Lines, lines);
        }

        if (type != "application/json" && !(type.StartsWith("application/", StringComparison.Ordinal) && type.EndsWith("+json", StringComparison.Ordinal)))
            throw new ProblemException(Problem.Unsupported("The Content-Type is none that is read; expected text/plain, application/json or application/x-ndjson."));
        if (IsArray(bytes)) return new(AskedForm.Array, Elements(bytes, headers));
        return new(AskedForm.One, [new(bytes, isText: false, HeadersOf(headers, type))]);
    }

    private static List<PendingText> Elements(byte[] bytes, IHeaderDictionary headers)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes, new() { MaxDepth = DeepestJson });
            return [.. document.RootElement.EnumerateArray().Select(element => Element(element, headers))];
        }
        catch (JsonException exception)
        {
            throw new ProblemException(Problem.Malformed($"The body is not JSON at line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}; expected an array of texts or events."));
        }
        catch (InvalidOperationException)
        {
            throw new ProblemException(Problem.Malformed("A string of the array is no Unicode text; expected no unpaired surrogates."));
        }
    }

    // A string is a text, anything else an event as on the topic.
    private static PendingText Element(JsonElement element, IHeaderDictionary headers) => element.ValueKind == JsonValueKind.String
        ? new(Encoding.UTF8.GetBytes(element.GetString()!), isText: true, HeadersOf(headers))
        : new(Encoding.UTF8.GetBytes(element.GetRawText().Replace('\n', ' ').Replace('\r', ' ')), isText: false, HeadersOf(headers));

    private static bool IsArray(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble)) bytes = bytes[3..];
        return bytes.TrimStart(" \t\r\n"u8) is [(byte)'[', ..];
    }

    private static string TypeOf(HttpRequest request)
    {
        if (string.IsNullOrEmpty(request.ContentType)) return "application/json";
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)) return "";
        if (type.Charset.HasValue && !type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
            throw new ProblemException(Problem.Unsupported("The Content-Type has another charset; expected utf-8."));
        return type.MediaType.Value!.ToLowerInvariant();
    }

    /// <summary>The headers that an event on a topic could have: its trace, what it is to get, and what says that it is a CloudEvent.</summary>
    private static List<EventHeader> HeadersOf(IHeaderDictionary headers, string type = "")
    {
        var found = new List<EventHeader>();
        var isCloudEvent = type.StartsWith("application/cloudevents", StringComparison.Ordinal);
        foreach (var (name, value) in headers)
        {
            if (name.Equals(TextGenerators.Header, StringComparison.OrdinalIgnoreCase)) found.Add(new(TextGenerators.Header, Encoding.UTF8.GetBytes(value.ToString())));
            if (name.Equals("traceparent", StringComparison.OrdinalIgnoreCase) || name.Equals("tracestate", StringComparison.OrdinalIgnoreCase))
                found.Add(new(name.ToLowerInvariant(), Encoding.UTF8.GetBytes(value.ToString())));
            if (type.Length == 0 || !name.StartsWith("ce-", StringComparison.OrdinalIgnoreCase)) continue;
            isCloudEvent = true;
            found.Add(new("ce_" + name[3..].ToLowerInvariant(), Encoding.UTF8.GetBytes(value.ToString())));
        }

        if (isCloudEvent) found.Add(new("content-type", Encoding.UTF8.GetBytes(type)));
        return found;
    }
}
