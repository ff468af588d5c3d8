using System.Diagnostics.Metrics;
using MtlStream.Inference;

namespace MtlStream.Onnx;

/// <summary>Instruments of the model adapter. Names are a contract: add, never rename.</summary>
public sealed class ModelMetrics
{
    public const string MeterName = "MtlStream.Onnx";

    private ModelIdentity? _serving;

    public ModelMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("mtlstream.model.serving", Serving, "1", "1 for the model and the device that serve.");
        Deduplicated = meter.CreateCounter<long>(
            "mtlstream.model.rows.deduplicated", "{row}", "Rows answered from an identical row of the same batch.");
    }

    internal Counter<long> Deduplicated { get; }

    internal void ModelLoaded(ModelIdentity identity) => _serving = identity;

    private IEnumerable<Measurement<int>> Serving() => _serving is { } model
        ? [new(1,
            new KeyValuePair<string, object?>("mtlstream.model.device", model.Device),
            new KeyValuePair<string, object?>("mtlstream.model.name", model.Name),
            new KeyValuePair<string, object?>("mtlstream.model.version", model.Version))]
        : [];
}
