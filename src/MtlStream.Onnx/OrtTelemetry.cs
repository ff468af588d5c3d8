using System.Runtime.InteropServices;

namespace MtlStream.Onnx;

/// <summary>Switches off what official builds of ONNX Runtime send to their maker over HTTPS, sessions and devices among it.</summary>
/// <remarks>The library reads the variable when its environment is made, from the C library: .NET's own variables do not reach it.</remarks>
internal static partial class OrtTelemetry
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>To be called before anything of ONNX Runtime is.</summary>
    public static void Disable()
    {
        if (OperatingSystem.IsLinux() && setenv(Variable, "1", 1) != 0)
            throw new InvalidOperationException($"{Variable} cannot be set: error {Marshal.GetLastPInvokeError()}.");
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);
}
