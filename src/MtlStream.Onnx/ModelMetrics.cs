using System.Diagnostics.Metrics;
using MtlStream.Serving;

namespace MtlStream.Onnx;

/// <summary>Instruments of the model adapter. Names are a contract: add, never rename.</summary>
public sealed class ModelMetrics
{
    public const string MeterName = "MtlStream.Onnx";

    private readonly Counter<long> _remembered;
    private readonly Counter<long> _questionRows;
    private readonly Counter<long> _questionTokens;

    public ModelMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        Deduplicated = meter.CreateCounter<long>(
            "mtlstream.model.rows.deduplicated", "{row}", "Rows answered from an identical row of the same batch.");
        _remembered = meter.CreateCounter<long>(
            "mtlstream.model.rows.remembered", "{row}", "Rows answered from a recent result, where Model:RecentResults is set.");
        _questionRows = meter.CreateCounter<long>(
            "mtlstream.questions.rows", "{row}", "Rows of a question and a text that the model read, beside those of the texts alone.");
        _questionTokens = meter.CreateCounter<long>("mtlstream.questions.tokens", "{token}", "Tokens of those rows, padding left out.");
        foreach (var counter in new[] { Deduplicated, _remembered, _questionRows, _questionTokens }) counter.Add(0); // see PipelineMetrics
    }

    /// <summary>Counts rows answered by <see cref="RecentResults"/>.</summary>
    public void RowsRemembered(int rows) => _remembered.Add(rows);

    /// <summary>Counts what questions cost.</summary>
    public void Asked(int rows, int tokens)
    {
        _questionRows.Add(rows);
        _questionTokens.Add(tokens);
    }

    internal Counter<long> Deduplicated { get; }
}
