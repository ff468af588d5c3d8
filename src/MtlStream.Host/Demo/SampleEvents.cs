using System.Text.Json;
using System.Text;

namespace MtlStream.Host.Demo;

/// <summary>The events that the demo produces: sentences in several styles, and a few payloads that are bad on purpose.</summary>
internal sealed class SampleEvents
{
    private const string Resource = "MtlStream.Host.Demo.sample-events.jsonl";

    private readonly List<Sample> _samples = [];

    public SampleEvents()
    {
        using var reader = new StreamReader(typeof(SampleEvents).Assembly.GetManifestResourceStream(Resource)!, Encoding.UTF8);
        while (reader.ReadLine() is { } line) _samples.Add(JsonSerializer.Deserialize<Sample>(line, JsonSerializerOptions.Web)!);
    }

    public int Count => _samples.Count;

    /// <summary>The payload of the event with this number. Runs through all samples before one comes again, in a different order each time.</summary>
    public byte[] Payload(long number)
    {
        var (round, place) = Math.DivRem(number, _samples.Count);
        var order = Enumerable.Range(0, _samples.Count).ToArray();
        new Random((int)round).Shuffle(order);
        var sample = _samples[order[place]];
        return sample switch
        {
            { Base64: { } bytes } => Convert.FromBase64String(bytes),
            { Payload: { } raw } => Encoding.UTF8.GetBytes(raw),
            _ => JsonSerializer.SerializeToUtf8Bytes(new { id = number, style = sample.Style, text = sample.Text }, CommonOptions.Json),
        };
    }

    /// <summary>True for a payload that belongs on the dead-letter topic.</summary>
    public bool IsBad(long number) => !Encoding.UTF8.GetString(Payload(number)).StartsWith("{\"id\"", StringComparison.Ordinal);

    private sealed record Sample(string Style, string? Text, string? Payload, string? Base64);
}
