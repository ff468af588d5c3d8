using System.Buffers.Text;
using System.Globalization;
using System.Text.Unicode;

namespace MtlStream.Json;

/// <summary>A growing buffer that a thread uses again for every event. Not thread-safe.</summary>
public sealed class Utf8Buffer
{
    /// <summary>What a thread keeps between events; a larger result's room is left to the collector.</summary>
    private const int MaxKeptBytes = 1 << 20;

    // 00 01 02 ... 99
    private static readonly byte[] s_pairs = [.. Enumerable.Range(0, 100).SelectMany(n => new[] { (byte)('0' + n / 10), (byte)('0' + n % 10) })];

    [ThreadStatic]
    private static Utf8Buffer? _threadBuffer;

    [ThreadStatic]
    private static Utf8Buffer? _answerBuffer;

    private byte[] _bytes = new byte[4096];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>This thread's buffer, empty. Valid until the thread asks again.</summary>
    public static Utf8Buffer ForThisThread() => Emptied(_threadBuffer ??= new());

    /// <summary>This thread's other buffer, for what is made of the contents of the first one.</summary>
    public static Utf8Buffer ForAnswers() => Emptied(_answerBuffer ??= new());

    private static Utf8Buffer Emptied(Utf8Buffer buffer)
    {
        if (buffer._bytes.Length > MaxKeptBytes) buffer._bytes = new byte[4096];
        buffer._length = 0;
        return buffer;
    }

    public void Write(byte value) => Room(1)[_length++] = value;

    public void Write(ReadOnlySpan<byte> utf8)
    {
        utf8.CopyTo(Room(utf8.Length).AsSpan(_length));
        _length += utf8.Length;
    }

    /// <summary>Writes UTF-16 as UTF-8; an unpaired surrogate becomes U+FFFD.</summary>
    public void Transcode(ReadOnlySpan<char> text)
    {
        Utf8.FromUtf16(text, Room(text.Length * 3).AsSpan(_length), out _, out var written);
        _length += written;
    }

    /// <summary>Writes a JSON string, quotes included.</summary>
    public void WriteString(ReadOnlySpan<char> text)
    {
        Write((byte)'"');
        JsonText.Escape(text, this);
        Write((byte)'"');
    }

    public void WriteNumber(long value)
    {
        if ((ulong)value < 100)
        {
            var digits = Room(2).AsSpan(_length, 2);
            if (value >= 10) digits[0] = s_pairs[2 * value];
            digits[value >= 10 ? 1 : 0] = s_pairs[(2 * value) + 1];
            _length += value >= 10 ? 2 : 1;
            return;
        }

        value.TryFormat(Room(20).AsSpan(_length), out var written, default, CultureInfo.InvariantCulture);
        _length += written;
    }

    public void WriteBase64(ReadOnlySpan<byte> bytes)
    {
        Base64.EncodeToUtf8(bytes, Room(Base64.GetMaxEncodedToUtf8Length(bytes.Length)).AsSpan(_length), out _, out var written);
        _length += written;
    }

    /// <summary>Writes a probability with four decimals.</summary>
    public void WriteScore(float score)
    {
        // Rounding errors of the model's arithmetic may end just outside the range.
        var tenThousandths = Math.Clamp((int)((double)score * 10_000 + 0.5), 0, 10_000);
        var room = Room(6).AsSpan(_length, 6);
        var whole = tenThousandths == 10_000;
        if (whole) tenThousandths = 0;
        room[0] = whole ? (byte)'1' : (byte)'0';
        room[1] = (byte)'.';
        s_pairs.AsSpan(tenThousandths / 100 * 2, 2).CopyTo(room[2..]);
        s_pairs.AsSpan(tenThousandths % 100 * 2, 2).CopyTo(room[4..]);
        _length += 6;
    }

    /// <summary>Writes a finite number with at most six decimals.</summary>
    public void WriteDecimal(float value)
    {
        value.TryFormat(Room(48).AsSpan(_length), out var written, "0.0#####", CultureInfo.InvariantCulture);
        _length += written;
    }

    private byte[] Room(int bytes)
    {
        if (_bytes.Length - _length < bytes) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, checked(_length + bytes)));
        return _bytes;
    }
}
