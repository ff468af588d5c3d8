using System.Text;
using System.Text.Json;

namespace MtlStream.Host.Lines;

/// <summary>The elements of a JSON array are the events; of JSON documents one after the other, each is one.</summary>
/// <param name="isArray">Whether the document is one array.</param>
internal sealed class JsonRecords(Stream content, bool isArray) : RecordReader
{
    private static readonly JsonSerializerOptions s_deep = new() { MaxDepth = 256, AllowTrailingCommas = false };

    private IAsyncEnumerator<JsonElement>? _elements;
    private long _number;

    public override async Task<IReadOnlyList<InputRecord>> ReadAsync(CancellationToken stopping)
    {
        // A read from a terminal or a pipe cannot be called off: it is left behind.
        _elements ??= JsonSerializer.DeserializeAsyncEnumerable<JsonElement>(content, topLevelValues: !isArray, s_deep, CancellationToken.None)
            .GetAsyncEnumerator(CancellationToken.None);
        try
        {
            if (!await _elements.MoveNextAsync().AsTask().WaitAsync(stopping)) return [];
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException(
                $"line {exception.LineNumber + 1} is not JSON, at byte {exception.BytePositionInLine + 1}; it stands behind element {_number}.", exception);
        }

        return [new(OnOneLine(_elements.Current), ++_number)];
    }

    public override ValueTask DisposeAsync() => content.DisposeAsync();

    // Line ends stand between the tokens of JSON only: in strings they are escaped.
    private static byte[] OnOneLine(JsonElement element) =>
        Encoding.UTF8.GetBytes(element.GetRawText().Replace('\n', ' ').Replace('\r', ' '));
}
