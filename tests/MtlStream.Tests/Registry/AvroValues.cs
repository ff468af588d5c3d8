using Avro;
using Avro.Generic;
using Avro.IO;

namespace MtlStream.Tests.Registry;

/// <summary>Values by Apache's own Avro.</summary>
internal static class AvroValues
{
    public static byte[] Write(string schema, object value)
    {
        var stream = new MemoryStream();
        new GenericWriter<object>(Schema.Parse(schema)).Write(value, new BinaryEncoder(stream));
        return stream.ToArray();
    }

    /// <summary>A value as a reader of another schema sees it; nothing may be left behind it.</summary>
    public static GenericRecord Read(string written, string read, byte[] value, int start)
    {
        var stream = new MemoryStream(value, start, value.Length - start);
        var record = new GenericReader<GenericRecord>(Schema.Parse(written), Schema.Parse(read)).Read(null!, new BinaryDecoder(stream));
        Assert.Equal(stream.Length, stream.Position);
        return record;
    }

    public static GenericRecord Record(string schema, params (string Field, object? Value)[] fields) => Record((RecordSchema)Schema.Parse(schema), fields);

    public static GenericRecord Record(RecordSchema schema, params (string Field, object? Value)[] fields)
    {
        var record = new GenericRecord(schema);
        foreach (var (field, value) in fields) record.Add(field, value);
        return record;
    }
}
