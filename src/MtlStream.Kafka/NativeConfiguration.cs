using System.Runtime.InteropServices;
using System.Text;

namespace MtlStream.Kafka;

/// <summary>Asks librdkafka whether it knows a property and takes its value, without making a client.</summary>
internal static partial class NativeConfiguration
{
    private const int Ok = 0;

    static NativeConfiguration() => Librdkafka.Use();

    /// <summary>librdkafka's words, or null when it takes the value.</summary>
    public static string? Refusal(string name, string value)
    {
        var configuration = rd_kafka_conf_new();
        try
        {
            var error = new byte[512];
            return rd_kafka_conf_set(configuration, name, value, error, error.Length) == Ok
                ? null
                : Encoding.UTF8.GetString(error, 0, Math.Max(0, Array.IndexOf(error, (byte)0)));
        }
        finally
        {
            rd_kafka_conf_destroy(configuration);
        }
    }

    [LibraryImport(Librdkafka.Name)]
    private static partial nint rd_kafka_conf_new();

    [LibraryImport(Librdkafka.Name)]
    private static partial void rd_kafka_conf_destroy(nint configuration);

    [LibraryImport(Librdkafka.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rd_kafka_conf_set(nint configuration, string name, string value, byte[] error, nint errorLength);
}
