using System.Buffers.Text;
using System.Globalization;
using System.Text.Unicode;

namespace MtlStream.Events;

/// <summary>A growing buffer that a thread uses again for every event. Not thread-safe.</summary>
internal sealed class Utf8Buffer
{
    /// <summary>What a thread keeps between events; a larger result's room is left to the collector.</summary>
    private const int MaxKeptBytes = 1 << 20;

    [ThreadStatic]
    private static Utf8Buffer? _threadBuffer;

    private byte[] _bytes = new byte[4096];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>This thread's buffer, empty. Valid until the thread asks again.</summary>
    public static Utf8Buffer ForThisThread()
    {
        var buffer = _threadBuffer ??= new();
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

    public void WriteNumber(long value)
    {
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
        room[0] = (byte)('0' + tenThousandths / 10_000);
        room[1] = (byte)'.';
        for (var digit = 5; digit >= 2; digit--)
        {
            room[digit] = (byte)('0' + tenThousandths % 10);
            tenThousandths /= 10;
        }
        _length += 6;
    }

    private byte[] Room(int bytes)
    {
        if (_bytes.Length - _length < bytes) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, checked(_length + bytes)));
        return _bytes;
    }
}
