using System.Diagnostics.Metrics;

namespace MtlStream.Generation;

/// <summary>Instruments of the models that write texts. Names are a contract: add, never rename.</summary>
public sealed class GenerationMetrics
{
    public const string MeterName = "MtlStream.Generation";

    private readonly Counter<long> _texts;
    private readonly Counter<long> _tokens;
    private readonly Histogram<int> _rows;

    /// <param name="names">Of the models: counters begin at zero with each of them.</param>
    public GenerationMetrics(IMeterFactory meters, IReadOnlyList<string> names)
    {
        var meter = meters.Create(MeterName);
        _texts = meter.CreateCounter<long>("mtlstream.generation.texts", "{text}", "Texts that a model wrote, or failed to write.");
        _tokens = meter.CreateCounter<long>("mtlstream.generation.tokens", "{token}", "Tokens of those texts.");
        _rows = meter.CreateHistogram<int>("mtlstream.generation.rows", "{row}", "Rows of one step of a running batch.",
            advice: new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] });
        foreach (var name in names)
        {
            foreach (var outcome in new[] { "complete", "truncated", "failed" }) _texts.Add(0, Named(name), Outcome(outcome));
            _tokens.Add(0, Named(name));
        }
    }

    internal void Stepped(int rows) => _rows.Record(rows);

    internal void Failed(string name) => _texts.Add(1, Named(name), Outcome("failed"));

    internal void Written(GeneratedText text, int tokens)
    {
        _texts.Add(1, Named(text.Name), Outcome(text.Truncated ? "truncated" : "complete"));
        _tokens.Add(tokens, Named(text.Name));
    }

    private static KeyValuePair<string, object?> Named(string name) => new("mtlstream.generator", name);

    private static KeyValuePair<string, object?> Outcome(string outcome) => new("mtlstream.outcome", outcome);
}
