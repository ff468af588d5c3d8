using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using MtlStream.Events;
using MtlStream.Json;
using MtlStream.Registry.Answers;
using MtlStream.Registry.Schemas;
using MtlStream.Registry.Values;

namespace MtlStream.Registry;

/// <summary>What the codec is told.</summary>
/// <param name="Shape">What is in an analysis of the model that serves at the start.</param>
/// <param name="OutputTopic">Topic of the answers, for subjects.</param>
public sealed record RegistrySettings(RegistryOptions Registry, InputOptions Input, OutputOptions Output, Shape Shape, string OutputTopic);

/// <summary>Values whose schema is in a schema registry. Thread-safe.</summary>
/// <remarks>Their schema, and that of their answer, are there before decoding says that there is a text: answering never waits.</remarks>
public sealed class RegistryCodec : PayloadCodec, IDisposable
{
    private readonly RegistrySettings _settings;
    private readonly TextPointers _pointers;
    private readonly ISchemaRegistry _registry;
    private readonly ILogger _logger;
    private readonly WaitingCache<SchemaKey, SchemaReader> _schemas;
    private readonly WaitingCache<AnswerKey, AnswerPlan> _answers;
    private volatile FormVersion _form;
    private volatile Shape _shape;

    public RegistryCodec(RegistrySettings settings, IMeterFactory meters, TimeProvider time, ILoggerFactory loggers)
        : this(settings, count => new RegistryClient(settings.Registry, new(meters, count.Kept, count.Waited), time), time, loggers)
    {
    }

    internal RegistryCodec(
        RegistrySettings settings, Func<(Func<int> Kept, Func<int> Waited), ISchemaRegistry> open, TimeProvider time, ILoggerFactory loggers)
    {
        _settings = settings;
        _pointers = TextPointers.Of(settings.Input);
        _logger = loggers.CreateLogger<RegistryCodec>();
        _form = new(AnalysisForm.Of(settings.Shape));
        _shape = settings.Shape;
        var most = settings.Registry.MaxSchemas;
        _schemas = new(ReadSchemaAsync, reader => reader.Keep, most, time, _logger);
        _answers = new(PlanAsync, plan => plan.Keep, most, time, _logger);
        _registry = open((() => _schemas.Count, () => _schemas.Waiting + _answers.Waiting));
    }

    /// <summary>Why events wait, in a sentence without its full stop; null when none does.</summary>
    public string? Trouble => _schemas.Trouble ?? _answers.Trouble;

    public override bool TryDecode(in Payload payload, out Decoding decoding)
    {
        decoding = default;
        if (!SchemaFrames.TryFind(payload, out var frame, out var problem)) return false;
        if (!_schemas.TryGet(frame.Key, out var reader, out var notNow))
        {
            decoding = Decoding.Later(notNow);
            return true;
        }
        if (!reader.Takes(frame)) return false;
        decoding = problem is { } damaged ? Decoding.Refused(damaged) : Read(payload, frame, reader);
        return true;
    }

    public override byte[] Answer(TextEvent decoded, in Analysis analysis)
    {
        Notice(analysis.Shape);
        return StateOf(decoded).Answer(decoded, analysis.Json);
    }

    public override IReadOnlyList<EventHeader> AnswerHeadersOf(TextEvent decoded) => StateOf(decoded).HeadersOf(decoded.Source.Headers);

    public void Dispose()
    {
        _schemas.Dispose();
        _answers.Dispose();
        _registry.Dispose();
    }

    private static AnswerState StateOf(TextEvent decoded) => (AnswerState)decoded.Envelope.State!;

    private Decoding Read(in Payload payload, in Frame frame, SchemaReader reader)
    {
        if (reader.Read(frame, out var text, out var places) is { } problem) return Decoding.Refused(problem);
        if (_settings.Output.Format == OutputFormat.Json) return ReadForJson(payload, frame, reader, text, places);
        if (!_answers.TryGet(new(frame.Key, places.Type, _form, reader), out var plan, out var notNow)) return Decoding.Later(notNow);
        if (plan.Problem is { } unanswerable) return Decoding.Refused(unanswerable);
        return Found(payload, frame, text, places, plan.StateOf(frame, places));
    }

    private Decoding ReadForJson(in Payload payload, in Frame frame, SchemaReader reader, in LocatedText text, in ValuePlaces places)
    {
        try
        {
            return Found(payload, frame, text, places, new JsonAnswer(reader.ToJson(frame.Bytes, places)));
        }
        catch (BadValueException bad)
        {
            return Decoding.Refused(new(RejectionReason.MalformedPayload, $"The value is not what its schema says ({frame.Key}): {bad.Message}."));
        }
    }

    private Decoding Found(in Payload payload, in Frame frame, in LocatedText text, in ValuePlaces places, AnswerState state)
    {
        var envelope = new Envelope(places.Own.Start, NeedsComma: false, places.Own.Start, places.Own.End)
        {
            Skip = places.Start,
            Rewritten = ReferenceEquals(frame.Bytes, payload.Bytes) ? null : frame.Bytes,
            Codec = this,
            State = state,
        };
        return Decoding.Found(text with { Envelope = envelope });
    }

    /// <summary>Has schemas made for another model, when one has taken over.</summary>
    private void Notice(Shape shape)
    {
        if (ReferenceEquals(_shape, shape)) return;
        var form = new FormVersion(AnalysisForm.Of(shape));
        if (form.Signature != _form.Signature) _form = form;
        _shape = shape;
    }

    private async Task<SchemaReader> ReadSchemaAsync(SchemaKey key, CancellationToken stopping)
    {
        try
        {
            var schema = await _registry.GetAsync(key, stopping);
            return SchemaReaders.Of($"{key}", schema, _pointers);
        }
        catch (Exception unusable) when (unusable is not (OperationCanceledException or RegistryTroubleException))
        {
            return new UnusableSchema(key, Described(unusable, "read"));
        }
    }

    private static string Described(Exception unusable, string what) => unusable is UnusableSchemaException
        ? unusable.Message : $"A bug of this program ({unusable.GetType().FullName}) keeps the schema from being {what}";

    private async Task<AnswerPlan> PlanAsync(AnswerKey key, CancellationToken stopping)
    {
        SchemaText schema;
        string name;
        try
        {
            schema = key.Reader.Extend(key.Form.Form, key.Type, out name);
        }
        catch (Exception unusable) when (unusable is not OperationCanceledException)
        {
            return AnswerPlan.Without(new(RejectionReason.UnsupportedEncoding, $"{Described(unusable, "extended")} ({key.Schema})."));
        }
        var registered = await RegisterAsync(key, Subjects.NameOf(_settings.Registry.SubjectNames, _settings.OutputTopic, name), schema, stopping);
        return new(key, registered);
    }

    private async Task<SubjectSchema> RegisterAsync(AnswerKey key, string subject, SchemaText schema, CancellationToken stopping)
    {
        if (await _registry.FindAsync(subject, schema, stopping) is { } known) return known;
        if (!_settings.Registry.AutoRegister)
            throw new RegistryTroubleException($"the subject {subject} lacks the schema of the answers; `mtlstream schema register` registers it");
        try
        {
            var registered = await _registry.RegisterAsync(subject, schema, stopping);
            _logger.Registered(registered.Version, subject, registered.Id, $"{key.Schema}");
            return registered;
        }
        catch (UnusableSchemaException refused)
        {
            throw new RegistryTroubleException(refused.Message, refused); // nothing is rejected for that
        }
    }
}
