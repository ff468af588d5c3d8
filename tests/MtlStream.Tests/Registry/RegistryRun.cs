using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Registry;
using MtlStream.Registry.Schemas;
using MtlStream.Results;
using MtlStream.Tests.Events;

namespace MtlStream.Tests.Registry;

/// <summary>Events of a schema registry, decoded and answered.</summary>
internal sealed class RegistryRun : IDisposable
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    private readonly RegistryCodec _codec;
    private readonly EventDecoder _decoder;

    public RegistryRun(TableRegistry registry, InputOptions? input = null, OutputFormat output = OutputFormat.Same, RegistryOptions? options = null)
        : this(_ => registry, input, output, options)
    {
    }

    public RegistryRun(
        Func<(Func<int>, Func<int>), ISchemaRegistry> open, InputOptions? input = null, OutputFormat output = OutputFormat.Same, RegistryOptions? options = null,
        TimeProvider? time = null, ILoggerFactory? loggers = null)
    {
        input ??= new();
        var settings = new RegistrySettings(
            options ?? new() { Url = "http://registry", AutoRegister = true }, input, new() { Format = output }, EventEncoder.ShapeOf(Codec.Tasks, new()), "out");
        _codec = new(settings, open, time ?? TimeProvider.System, loggers ?? NullLoggerFactory.Instance);
        _decoder = new(input, _codec);
    }

    public RegistryCodec Registry => _codec;

    /// <summary>Byte 0, an id, and a value.</summary>
    public static byte[] Framed(int id, ReadOnlySpan<byte> value) => [0, (byte)(id >> 24), (byte)(id >> 16), (byte)(id >> 8), (byte)id, .. value];

    public Decoded DecodeNow(byte[] payload, params EventHeader[] headers) => _decoder.Decode(Codec.Record(payload, headers));

    /// <summary>As the pipeline does: again when what it waits for has ended.</summary>
    public async Task<Decoded> DecodeAsync(byte[] payload, params EventHeader[] headers)
    {
        while (true)
        {
            var decoded = DecodeNow(payload, headers);
            if (decoded.NotNow is not { } notNow) return decoded;
            await notNow.Until.WaitAsync(s_deadline);
        }
    }

    public async Task<string> TextAsync(byte[] payload, params EventHeader[] headers)
    {
        var decoded = await DecodeAsync(payload, headers);
        Assert.True(decoded.Event is not null, decoded.Rejection?.Message ?? "several events");
        using var found = decoded.Event;
        return found.Text.ToString();
    }

    public async Task<Rejection> RejectAsync(byte[] payload, params EventHeader[] headers)
    {
        var decoded = await DecodeAsync(payload, headers);
        Assert.NotNull(decoded.Rejection);
        return decoded.Rejection;
    }

    /// <summary>The message that answers an event; its analysis is <see cref="Analysis"/>.</summary>
    public async Task<OutboundRecord> AnswerAsync(byte[] payload, params EventHeader[] headers)
    {
        var decoded = await DecodeAsync(payload, headers);
        Assert.True(decoded.Event is not null, decoded.Rejection?.Message);
        using var found = decoded.Event;
        return new(
            Destination.Results, found.Envelope.Codec!.Answer(found, new(Encoding.UTF8.GetBytes(Analysis), Shape)),
            found.Envelope.Codec.AnswerHeadersOf(found), found.Source);
    }

    public static Shape Shape { get; } = EventEncoder.ShapeOf(Codec.Tasks, new());

    public const string Analysis =
        """
        {"schema":"enriched-event.v1","model":{"name":"demo \"mini\"","version":"1.2.0"},"offsets":"utf16","truncated":false,"tasks":{"sentiment":{"label":"positive","score":0.9},"intent":{"label":null,"score":0.3},"emotion":{"labels":[{"label":"joy","score":0.75}]},"entities":{"spans":[{"start":0,"end":4,"text":"Ann\u00e4","label":"PER","score":0.5}]},"pos":{"tags":[]}}}
        """;

    public void Dispose() => _codec.Dispose();
}
