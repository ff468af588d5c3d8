using System.Diagnostics.Metrics;

namespace MtlStream.Onnx;

/// <summary>Instruments of the model adapter. Names are a contract: add, never rename.</summary>
public sealed class ModelMetrics
{
    public const string MeterName = "MtlStream.Onnx";

    public ModelMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        Deduplicated = meter.CreateCounter<long>(
            "mtlstream.model.rows.deduplicated", "{row}", "Rows answered from an identical row of the same batch.");
    }

    internal Counter<long> Deduplicated { get; }
}
