using System.CommandLine;
using System.Text.Json;
using MtlStream.Events;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream tokenize</c>: what the tokenizer makes of each line.</summary>
internal static class TokenizeCommand
{
    /// <param name="File">Path, or <c>-</c> for standard input.</param>
    /// <param name="Words">Split into words first, as for the model.</param>
    /// <param name="Vocab">A vocabulary in place of the package's; empty for that one.</param>
    internal sealed record Request(string File, InputFormat Format, TextEscapes Unescape, string Model, bool Words, string Vocab);

    public static Command Build()
    {
        var (file, format, model) = (CommonOptions.File(), CommonOptions.Format(), CommonOptions.Model());
        var unescape = CommonOptions.Unescape();
        var words = new Option<bool>("--words")
        {
            Description = "Split the text into words first, as for the model, and show them. A line with \"words\": [...] in place of a text has them given.",
        };
        var vocab = new Option<string>("--vocab")
        {
            Description = "A vocab.txt in place of the package's, as training does with a vocabulary of its own.",
            HelpName = "FILE",
            DefaultValueFactory = _ => "",
        };
        var command = new CliCommand(
            "tokenize", "Shows the tokens of each line as JSON: tokens, ids, offsets in UTF-16 units, letter case. The whole text, no special tokens.",
            "mtlstream tokenize comments.jsonl",
            "echo \"I don't know\" | mtlstream tokenize - --format text --words")
        {
            file, format, unescape, model, words, vocab,
        };
        command.SetAction((parsed, stopping) => RunAsync(
            new(
                parsed.GetRequiredValue(file), CommonOptions.ToInputFormat(parsed.GetRequiredValue(format)),
                CommonOptions.ToEscapes(parsed.GetRequiredValue(unescape)), parsed.GetRequiredValue(model), parsed.GetValue(words), parsed.GetRequiredValue(vocab)),
            stopping));
        return command;
    }

    internal static async Task<int> RunAsync(Request request, CancellationToken stopping)
    {
        await using var reader = new LineReader(CommonOptions.OpenInput(request.File));
        var settings = ModelLoader.Find(request.Model).Tokenizer;
        if (request.Vocab.Length > 0) settings = settings with { Files = new Dictionary<string, string> { ["vocab"] = request.Vocab } };
        var tokenizer = TextTokenizer.Load(
            settings with { SplitWords = request.Words }, new() { MaxTextTokens = int.MaxValue });
        var decoder = new EventDecoder(new() { Format = request.Format, Unescape = request.Unescape, MaxPayloadBytes = LineReader.MaxLineBytes });

        await using var output = new BufferedStream(CommonOptions.OpenOutput(1), 1 << 16);
        await using var json = new Utf8JsonWriter(output, new() { Encoder = CommonOptions.Json.Encoder, SkipValidation = true });
        long number = 0;
        while (await reader.ReadAsync(stopping) is { Count: > 0 } lines)
        {
            foreach (var line in lines)
            {
                number++;
                Write(json, tokenizer, decoder, line, number, request.Words);
                json.Reset();
                output.WriteByte((byte)'\n');
            }

            await output.FlushAsync(stopping);
        }

        return ExitCodes.Done;
    }

    /// <exception cref="InvalidDataException">The line has no text.</exception>
    private static void Write(Utf8JsonWriter json, TextTokenizer tokenizer, EventDecoder decoder, byte[] line, long number, bool words)
    {
        if (words && GivenWords(line) is { } given)
        {
            using var tokens = tokenizer.TokenizeWords(given);
            Write(json, tokens.Tokens, tokens.Words, tokenizer, words);
            return;
        }

        var record = new SourceRecord(new("", 0, number - 1, 0, number - 1), null, line, [], -1, 0);
        if (decoder.TryDecode(record, out var decoded, out var rejection))
        {
            using (decoded)
            using (var tokens = tokenizer.Tokenize(decoded.Text, decoder.Unescape == TextEscapes.Html))
                Write(json, tokens.Tokens, tokens.Words, tokenizer, words);
        }
        else if (rejection.Reason == RejectionReason.EmptyText)
        {
            Write(json, [], [], tokenizer, words);
        }
        else
        {
            throw new InvalidDataException($"line {number}: {rejection.Message}");
        }
    }

    /// <summary>The words of <c>{"words": ["a", "b"]}</c>; null for any other line.</summary>
    private static List<string>? GivenWords(ReadOnlySpan<byte> line)
    {
        if (line.IndexOf("\"words\""u8) < 0) return null;
        try
        {
            return JsonSerializer.Deserialize<GivenLine>(line, CommonOptions.Json) is { Text: null, Words: { } words } ? words : null;
        }
        catch (JsonException)
        {
            return null; // the decoder says what is wrong with it
        }
    }

    private static void Write(
        Utf8JsonWriter json, ReadOnlySpan<Token> tokens, ReadOnlySpan<Word> words, TextTokenizer tokenizer, bool withWords)
    {
        json.WriteStartObject();
        WriteArray(json, "tokens", tokens, token => json.WriteStringValue(tokenizer.TokenText(token.Id)));
        WriteArray(json, "ids", tokens, token => json.WriteNumberValue(token.Id));
        WriteArray(json, "offsets", tokens, token => WriteRange(json, token.Start, token.End));
        WriteArray(json, "case", tokens, token => json.WriteNumberValue(token.Case));
        if (withWords)
        {
            WriteArray(json, "words", words, word => WriteRange(json, word.Start, word.End));
            WriteArray(json, "first", words, word => json.WriteNumberValue(word.FirstToken));
        }

        json.WriteEndObject();
        json.Flush();
    }

    private static void WriteArray<T>(Utf8JsonWriter json, string name, ReadOnlySpan<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items) write(item);
        json.WriteEndArray();
    }

    private static void WriteRange(Utf8JsonWriter json, int start, int end)
    {
        json.WriteStartArray();
        json.WriteNumberValue(start);
        json.WriteNumberValue(end);
        json.WriteEndArray();
    }

    private sealed record GivenLine(object? Text, List<string>? Words);
}
