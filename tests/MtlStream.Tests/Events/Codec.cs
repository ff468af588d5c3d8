using System.Text.Json;
using System.Text;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Results;
using MtlStream.Tasks;
using MtlStream.Tests.Doubles;
using MtlStream.Text;

namespace MtlStream.Tests.Events;

/// <summary>Decoding and encoding in one line: words are what white space separates, two tokens each.</summary>
internal static class Codec
{
    public static readonly ModelIdentity Model = new("demo \"mini\"", "1.2.0", "cpu");

    public static readonly IReadOnlyList<ModelTask> Tasks =
    [
        new SingleLabelTask("sentiment", ["negative", "positive"]),
        new SingleLabelTask("intent", ["greet", "order"], 0.6f),
        new MultiLabelTask("emotion", ["joy", "anger", "fear"], [0.5f, 0.5f, 0.3f]),
        new TokenSpansTask("entities", ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]),
        new TokenTagsTask("pos", ["NOUN", "PROPN", "VERB"]),
    ];

    public static SourceRecord Record(byte[] payload, params EventHeader[] headers) =>
        new(new("in", 3, 41, 1, 7), "key"u8.ToArray(), payload, headers, 1_700_000_000_123, 0);

    public static EventHeader Header(string key, string value) => new(key, Encoding.UTF8.GetBytes(value));

    public static TextEvent Decode(string payload, InputFormat format = InputFormat.Auto, string pointer = "/text", params EventHeader[] headers) =>
        Decode(Encoding.UTF8.GetBytes(payload), format, pointer, headers);

    public static TextEvent Decode(byte[] payload, InputFormat format = InputFormat.Auto, string pointer = "/text", params EventHeader[] headers)
    {
        var decoder = new EventDecoder(new() { Format = format, TextPointer = pointer });
        Assert.True(decoder.TryDecode(Record(payload, headers), out var decoded, out var rejection), rejection?.Message);
        Assert.Null(rejection);
        return decoded;
    }

    /// <summary>The text of a payload that these options find.</summary>
    public static TextEvent Decode(InputOptions options, string payload, params EventHeader[] headers)
    {
        var outcome = new EventDecoder(options).Decode(Record(Encoding.UTF8.GetBytes(payload), headers));
        Assert.True(outcome.Event is not null, outcome.Rejection?.Message ?? "no single event");
        return outcome.Event;
    }

    /// <summary>Why these options find no text in a payload.</summary>
    public static Rejection Reject(InputOptions options, string payload, params EventHeader[] headers)
    {
        var outcome = new EventDecoder(options).Decode(Record(Encoding.UTF8.GetBytes(payload), headers));
        Assert.NotNull(outcome.Rejection);
        return outcome.Rejection;
    }

    /// <summary>The message that answers an event, or all events of a message.</summary>
    public static OutboundRecord EncodeAll(Decoded decoded)
    {
        if (decoded.Event is { } one) return Encode(one);
        Assert.True(decoded.Events is not null, decoded.Rejection?.Message ?? "has to wait");
        OutboundRecord? together = null;
        foreach (var text in decoded.Events)
        {
            Assert.Null(together);
            together = text.Part!.Group.Answered(text.Part.Index, Encode(text));
        }
        Assert.NotNull(together);
        return together;
    }

    public static Rejection Reject(string payload, InputFormat format = InputFormat.Auto, string pointer = "/text", params EventHeader[] headers) =>
        Reject(Encoding.UTF8.GetBytes(payload), format, pointer, headers);

    public static Rejection Reject(byte[] payload, InputFormat format = InputFormat.Auto, string pointer = "/text", params EventHeader[] headers)
    {
        var record = Record(payload, headers);
        var decoder = new EventDecoder(new() { Format = format, TextPointer = pointer });
        Assert.False(decoder.TryDecode(record, out var decoded, out var rejection));
        Assert.Null(decoded);
        Assert.Equal("decode", rejection.Stage);
        Assert.Same(record, rejection.Source);
        Assert.InRange(rejection.Message.Length, 20, 600);
        return rejection;
    }

    public static string TextOf(string payload, InputFormat format = InputFormat.Auto, string pointer = "/text", params EventHeader[] headers)
    {
        using var decoded = Decode(payload, format, pointer, headers);
        return decoded.Text.ToString();
    }

    public static TokenizedEvent Tokenize(TextEvent decoded, bool truncated = false)
    {
        var words = new List<Word>();
        var tokens = new List<Token>();
        var text = decoded.Text;
        for (var at = 0; at < text.Length; at++)
        {
            if (char.IsWhiteSpace(text[at])) continue;
            var end = at;
            while (end < text.Length && !char.IsWhiteSpace(text[end])) end++;
            words.Add(new(at, end, tokens.Count));
            tokens.Add(new(1, at, end, 0, BeginsWord: true));
            tokens.Add(new(2, at, end, 0, BeginsWord: false));
            at = end;
        }
        return new(decoded, new([.. tokens], [.. words], [new(0, tokens.Count)], 101, 102, truncated));
    }

    /// <summary>Predictions of two rows, of which row 1 is the one to encode; row 0 holds other values everywhere.</summary>
    /// <param name="entities">Label id of each word; missing words are O.</param>
    public static Predictions Predict(TokenizedEvent scored, int[] entities, float entityScore = 0.75f)
    {
        var columns = scored.Tokens.Tokens.Length + 2;
        var predictions = new Predictions(Tasks, 2, columns);
        for (var task = 0; task < Tasks.Count; task++)
        {
            for (var row = 0; row < 2; row++)
            {
                if (Tasks[task] is not TokenLabelTask) continue;
                // What does not stand for a word is out of place on purpose.
                predictions.Tags(task, row).Fill(row == 0 ? 4 : 1);
                predictions.TagScores(task, row).Fill(0.125f);
                predictions.TagScores(task, row)[0] = float.NaN;
                predictions.TagScores(task, row)[^1] = float.NaN;
            }
        }
        for (var task = 0; task < 3; task++) predictions.Probabilities(task, 0).Fill(float.NaN);
        ((ReadOnlySpan<float>)[0.02694f, 0.97306f]).CopyTo(predictions.Probabilities(0, 1));
        ((ReadOnlySpan<float>)[0.55f, 0.45f]).CopyTo(predictions.Probabilities(1, 1));
        ((ReadOnlySpan<float>)[0.6f, 0.1f, 0.9f]).CopyTo(predictions.Probabilities(2, 1));
        for (var word = 0; word < scored.Tokens.Words.Length; word++)
        {
            var column = scored.Tokens.Words[word].FirstToken + 1;
            predictions.Tags(3, 1)[column] = word < entities.Length ? entities[word] : 0;
            predictions.TagScores(3, 1)[column] = entityScore + word % 10 * 0.01f;
            predictions.Tags(4, 1)[column] = word % 3;
            predictions.TagScores(4, 1)[column] = 1f;
        }
        return predictions;
    }

    public static OutboundRecord Encode(TextEvent decoded, bool allScores = false, bool truncated = false, params int[] entities) =>
        Encode(decoded, new OutputOptions { AllScores = allScores }, truncated, entities);

    public static OutboundRecord Encode(TextEvent decoded, OutputOptions options, bool truncated = false, params int[] entities)
    {
        using var scored = Tokenize(decoded, truncated);
        using var predictions = Predict(scored, entities);
        var encoder = new EventEncoder(options, Model);
        Assert.True(encoder.TryEncodeResult(scored, predictions, 1, out var result, out var rejection), rejection?.Message);
        Assert.Equal(Destination.Results, result.Destination);
        Assert.Same(decoded.Source, result.Source);
        return result;
    }

    public static string EncodeText(string payload, InputFormat format = InputFormat.Auto, string pointer = "/text", params EventHeader[] headers) =>
        Encoding.UTF8.GetString(Encode(Decode(payload, format, pointer, headers)).Payload!);

    /// <summary>The output with its member <c>analysis</c> replaced by a short mark, so that what is around it can be compared.</summary>
    public static string Around(byte[]? output) => Around(Encoding.UTF8.GetString(output!));

    /// <summary>The same of a message with several events, each of which has its own.</summary>
    public static string AroundAll(byte[]? output)
    {
        var text = Encoding.UTF8.GetString(output!);
        while (text.Contains("\"analysis\":{\"schema\"", StringComparison.Ordinal)) text = Around(text);
        return text;
    }

    /// <inheritdoc cref="Around(byte[])"/>
    public static string Around(string output)
    {
        var start = output.IndexOf("\"analysis\":{\"schema\"", StringComparison.Ordinal);
        Assert.True(start >= 0, output);
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(output[(start + 11)..]), isFinalBlock: false, default);
        reader.Read();
        Assert.True(reader.TrySkip());
        var length = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(output[(start + 11)..])[..(int)reader.BytesConsumed]).Length;
        return output[..start] + "@" + output[(start + 11 + length)..];
    }
}
