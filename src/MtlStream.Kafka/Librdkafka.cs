using System.Reflection;
using System.Runtime.InteropServices;

namespace MtlStream.Kafka;

/// <summary>The native library behind Confluent.Kafka, for what that does not offer.</summary>
/// <remarks>
/// The package librdkafka.redist holds several builds for Linux, the first of which needs libsasl2. Confluent.Kafka takes the first that the
/// system can load (https://github.com/confluentinc/confluent-kafka-dotnet/blob/v2.15.1/src/Confluent.Kafka/Impl/LibRdKafka.cs), and so does this.
/// </remarks>
internal static class Librdkafka
{
    public const string Name = "librdkafka";

    private static readonly string[] s_builds = [Name, $"centos8-{Name}", $"alpine-{Name}"];

    static Librdkafka() => NativeLibrary.SetDllImportResolver(typeof(Librdkafka).Assembly, Find);

    /// <summary>Called before the first call into the library.</summary>
    public static void Use()
    {
        // what has to be done is done when the type is
    }

    private static nint Find(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name != Name) return 0;
        foreach (var build in s_builds)
        {
            if (NativeLibrary.TryLoad(build, assembly, path, out var library)) return library;
        }

        return 0; // the runtime looks once more, and says what is missing
    }
}
