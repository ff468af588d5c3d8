using System.Text;
using Microsoft.ML.OnnxRuntime;
using MtlStream.Onnx;

namespace MtlStream.Tests.Models;

public sealed class SessionFactoryTests : IDisposable
{
    // z = LayerNormalization(Add(x, y), w, b) over [1, 2, 4], opset 17.
    private const string ResidualNorm =
        "CAg6tgEKDgoBeAoBeRIBcyIDQWRkCiAKAXMKAXcKAWISAXoiEkxheWVyTm9ybWFsaXphdGlvbhIBZyoZCAQQASIQAACAPwAAgD8AAIA/AACAP0IBdyoZ" +
        "CAQQASIQAAAAAAAAAAAAAAAAAAAAAEIBYloXCgF4EhIKEAgBEgwKAggBCgIIAgoCCARaFwoBeRISChAIARIMCgIIAQoCCAIKAggEYhcKAXoSEgoQCAES" +
        "DAoCCAEKAggCCgIIBEIECgAQEQ==";

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void On_a_cpu_a_residual_and_its_norm_stay_two_operators()
    {
        Assert.Contains("SkipLayerNormalization", Optimized(_ => { }), StringComparison.Ordinal);
        Assert.DoesNotContain("SkipLayerNormalization", Optimized(SessionFactory.KeepNormsApart), StringComparison.Ordinal);
    }

    private string Optimized(Action<SessionOptions> choose)
    {
        var file = Path.Combine(_folder, "optimized.onnx");
        using var options = new SessionOptions { OptimizedModelFilePath = file, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        choose(options);
        using var session = new InferenceSession(Convert.FromBase64String(ResidualNorm), options);
        return Encoding.Latin1.GetString(File.ReadAllBytes(file));
    }
}
