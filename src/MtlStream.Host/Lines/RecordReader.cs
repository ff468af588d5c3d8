using MtlStream.Events;

namespace MtlStream.Host.Lines;

/// <summary>One event of a file.</summary>
/// <param name="Line">Number of the line that it begins on, from 1; of the element, in a JSON document.</param>
/// <param name="Row">What it was, where it was a row of a table.</param>
internal readonly record struct InputRecord(byte[] Payload, long Line, CsvRow? Row = null);

/// <summary>A row of a table.</summary>
/// <param name="Fields">Bytes of the file as <see cref="ByteText"/>.</param>
/// <param name="Problem">Why it cannot be taken for a row of its table; null when it can.</param>
internal sealed record CsvRow(IReadOnlyList<string> Fields, string? Problem);

/// <summary>Cuts a file into events. Not thread-safe.</summary>
internal abstract class RecordReader : IAsyncDisposable
{
    /// <summary>Returns the events that became complete; none only at the end of the input.</summary>
    /// <exception cref="InvalidDataException">What comes cannot be told apart any more.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stopping"/> was cancelled; what had been read is lost.</exception>
    public abstract Task<IReadOnlyList<InputRecord>> ReadAsync(CancellationToken stopping);

    public abstract ValueTask DisposeAsync();
}

/// <summary>Every line is an event.</summary>
internal sealed class LineRecords(LineReader lines) : RecordReader
{
    private long _line;

    public override async Task<IReadOnlyList<InputRecord>> ReadAsync(CancellationToken stopping) =>
        [.. (await lines.ReadAsync(stopping)).Select(line => new InputRecord(line, ++_line))];

    public override ValueTask DisposeAsync() => lines.DisposeAsync();
}
