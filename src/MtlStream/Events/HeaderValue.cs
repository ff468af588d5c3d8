using System.Buffers.Binary;

namespace MtlStream.Events;

/// <summary>Texts in headers, as the clients of several systems write them.</summary>
internal static class HeaderValue
{
    /// <summary>A header's text in UTF-8, without JSON's quotes (Spring) and without AMQP's type (Azure Event Hubs) around it.</summary>
    public static ReadOnlySpan<byte> Of(EventHeader header)
    {
        ReadOnlySpan<byte> value = header.Value;
        value = WithoutAmqpType(value);
        return value is [(byte)'"', .., (byte)'"'] ? value[1..^1] : value;
    }

    /// <summary>True when both are the same letters and digits, whatever their case and whatever else is between them.</summary>
    public static bool IsNamed(string key, string name)
    {
        var at = 0;
        foreach (var c in key)
        {
            if (c is '-' or '_') continue;
            if (at == name.Length || (c | 0x20) != name[at]) return false;
            at++;
        }
        return at == name.Length;
    }

    // str8, sym8: a byte of length; str32, sym32: four.
    private static ReadOnlySpan<byte> WithoutAmqpType(ReadOnlySpan<byte> value)
    {
        if (value is [0xA1 or 0xA3, _, ..] && value[1] == value.Length - 2) return value[2..];
        if (value is [0xB1 or 0xB3, _, _, _, _, ..] && BinaryPrimitives.ReadUInt32BigEndian(value[1..]) == value.Length - 5) return value[5..];
        return value;
    }
}
