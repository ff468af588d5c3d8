using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Confluent.Kafka;

namespace MtlStream.Kafka;

/// <summary>Says which letters of a partition of the dead-letter topic were replayed. It lies behind them in that partition, and has neither key nor value.</summary>
/// <param name="Offsets">The letters' offsets as ranges, both ends included, in order.</param>
internal sealed record ReplayMark(IReadOnlyList<(long First, long Last)> Offsets)
{
    /// <summary>Ranges such as <c>0-5,7</c>.</summary>
    public const string Header = "mtlstream.replayed";

    /// <summary>Ranges of one mark at most: it is smaller than what every dead-letter topic has to take.</summary>
    private const int MostRanges = 250;

    /// <summary>As many marks as these letters need.</summary>
    public static IEnumerable<ReplayMark> Of(IEnumerable<long> offsets)
    {
        var ranges = new List<(long First, long Last)>();
        foreach (var offset in offsets.Order())
        {
            if (ranges.Count > 0 && offset <= ranges[^1].Last + 1) ranges[^1] = (ranges[^1].First, offset);
            else ranges.Add((offset, offset));
        }

        return ranges.Chunk(MostRanges).Select(r => new ReplayMark(r));
    }

    public Message<byte[]?, byte[]?> ToMessage()
    {
        var ranges = Offsets.Select(r => r.First == r.Last ? Invariant($"{r.First}") : Invariant($"{r.First}-{r.Last}"));
        return new() { Headers = new Headers { { Header, Encoding.ASCII.GetBytes(string.Join(',', ranges)) } } };
    }

    /// <summary>False for a message that is no mark.</summary>
    public static bool TryRead(Message<byte[]?, byte[]?> message, [NotNullWhen(true)] out ReplayMark? mark)
    {
        mark = null;
        if (message.Key is not null || message.Value is not null || message.Headers is not { Count: 1 } headers || headers[0].Key != Header) return false;
        var ranges = new List<(long First, long Last)>();
        foreach (var range in Encoding.ASCII.GetString(headers[0].GetValueBytes() ?? []).Split(','))
        {
            var ends = range.Split('-');
            if (ends.Length > 2 || !TryParse(ends[0], out var first) || !TryParse(ends[^1], out var last)) return false;
            ranges.Add((first, last));
        }

        mark = new(ranges);
        return true;
    }

    private static bool TryParse(string text, out long offset) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out offset);

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
