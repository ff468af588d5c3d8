using System.Diagnostics.Metrics;
using MtlStream.Serving;

namespace MtlStream.Onnx;

/// <summary>Instruments of the model adapter. Names are a contract: add, never rename.</summary>
public sealed class ModelMetrics
{
    public const string MeterName = "MtlStream.Onnx";

    private readonly Counter<long> _remembered;

    public ModelMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        Deduplicated = meter.CreateCounter<long>(
            "mtlstream.model.rows.deduplicated", "{row}", "Rows answered from an identical row of the same batch.");
        _remembered = meter.CreateCounter<long>(
            "mtlstream.model.rows.remembered", "{row}", "Rows answered from a recent result, where Model:RecentResults is set.");
        foreach (var counter in new[] { Deduplicated, _remembered }) counter.Add(0); // see PipelineMetrics
    }

    /// <summary>Counts rows answered by <see cref="RecentResults"/>.</summary>
    public void RowsRemembered(int rows) => _remembered.Add(rows);

    internal Counter<long> Deduplicated { get; }
}
