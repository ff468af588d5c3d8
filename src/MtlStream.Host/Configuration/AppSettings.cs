using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Options;
using MtlStream.Batching;
using MtlStream.Bench;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Host.Worker;
using MtlStream.Http;
using MtlStream.Kafka;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Registry;
using MtlStream.Text;

namespace MtlStream.Host.Configuration;

/// <summary>All settings, bound and checked.</summary>
internal sealed class AppSettings
{
    private static readonly HashSet<string> s_secrets = new(StringComparer.OrdinalIgnoreCase)
    {
        $"Http:{nameof(HttpOptions.Token)}", "Registry:Password", "Registry:Token", "Registry:KeystorePassword",
    };

    private readonly Dictionary<Type, object> _sections = [];

    private KafkaConfiguration? _kafkaClients;

    private AppSettings(IConfiguration configuration) => Configuration = configuration;

    /// <summary>What the Kafka clients are told.</summary>
    public KafkaConfiguration KafkaClients => _kafkaClients ??= new(Kafka, Delivery);

    /// <summary>The settings as text; only the section <c>Logging</c> is read from here.</summary>
    public IConfiguration Configuration { get; }

    /// <summary>Secrets given as arguments, by their names: every user of the machine can read the arguments of a process.</summary>
    public IReadOnlyList<string> ExposedSecrets { get; private init; } = [];

    public KafkaOptions Kafka => Get<KafkaOptions>();
    public RegistryOptions Registry => Get<RegistryOptions>();
    public InputOptions Input => Get<InputOptions>();
    public OutputOptions Output => Get<OutputOptions>();
    public ModelOptions Model => Get<ModelOptions>()
        .WithOnRequest(Output.Vectors != VectorFormat.None)
        .Asking(Get<QuestionOptions>().Named, Input.QuestionPointer);
    public TokenizationOptions Tokenization => Get<TokenizationOptions>();
    public BatchingOptions Batching => Get<BatchingOptions>();
    public PipelineOptions Pipeline => Get<PipelineOptions>();
    public DeliveryOptions Delivery => Get<DeliveryOptions>();
    public WatchOptions Watch => Get<WatchOptions>();
    public HttpOptions Http => Get<HttpOptions>();

    public GenerationOptions Generation => Get<GenerationOptions>();

    public ServingOptions Serving => new(Model, Tokenization, Batching, Watch) { Generation = Generation };

    public WorkerOptions Worker => new(
        Serving, Input, Output, new(Pipeline, Batching, Delivery), Registry, Kafka.OutputTopic, ExposedSecrets, Warnings);

    /// <summary>What a measurement's pipelines are told.</summary>
    public BenchSettings ForBench() => new(Input, Output, new(Pipeline, Batching, Delivery));

    /// <summary>What is not read although somebody may think so, in sentences.</summary>
    public IReadOnlyList<string> Warnings { get; private init; } = [];

    /// <summary>Reads the settings of this process.</summary>
    /// <param name="parsed">The command line, with <c>--config</c>, <c>--secrets</c> and <c>--Section:Key=value</c>.</param>
    /// <param name="unused">Keys of the section <c>Kafka</c> that the command can do without.</param>
    /// <exception cref="UsageException">Something is wrong; one message names everything.</exception>
    public static AppSettings Load(ParseResult parsed, params string[] unused) => Load(parsed, parsed.UnmatchedTokens, unused);

    /// <summary>As <see cref="Load(ParseResult, string[])"/>, for a command whose argument takes what is left of the command line.</summary>
    /// <param name="arguments">What of it is meant to be settings: <c>--Section:Key=value</c>.</param>
    public static AppSettings Load(ParseResult parsed, IReadOnlyList<string> arguments, string[] unused)
    {
        var environment = Environment.GetEnvironmentVariables();
        var lookup = SettingsLookup.In(
            parsed.GetValue(SettingsLookup.Config), [Environment.CurrentDirectory, AppContext.BaseDirectory], environment);
        var sources = new SettingSources(lookup.File, parsed.GetValue(SettingsLookup.Secrets), environment, arguments);
        return From(SettingsReader.Read(sources), [.. lookup.Warnings, .. TelemetrySettings.Check(environment)], unused);
    }

    /// <exception cref="UsageException">Something is wrong; one message names everything.</exception>
    public static AppSettings From(IReadOnlyList<Setting> settings, params string[] unused) => From(settings, [], unused);

    private static AppSettings From(IReadOnlyList<Setting> settings, IReadOnlyList<string> warnings, string[] unused)
    {
        var errors = new List<string>();
        var usable = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var setting in settings)
        {
            if (SettingsSchema.Check(setting) is { } error) errors.Add(error);
            else usable[setting.Key] = setting.Value;
        }

        var configuration = new ConfigurationBuilder().AddInMemoryCollection(usable).Build();
        var bound = new AppSettings(configuration) 
        {
            ExposedSecrets = [.. settings.Where(IsExposedSecret).Select(s => s.Key)],
            Warnings = warnings,
        };
        foreach (var (name, type) in SettingsSchema.Sections)
        {
            var section = configuration.GetSection(name).Get(type) ?? Activator.CreateInstance(type)!;
            bound._sections[type] = section;
            errors.AddRange(Validate(name, section, unused));
        }

        errors.AddRange(bound.Contradictions());
        if (errors.Count > 0)
            throw new UsageException(string.Join(Environment.NewLine + "  ", errors.Prepend("the configuration cannot be used:")));
        return bound;
    }

    private static bool IsExposedSecret(Setting setting) =>
        setting.Origin.StartsWith("--", StringComparison.Ordinal) && (IsSecretOfKafka(setting.Key) || s_secrets.Contains(setting.Key));

    private static bool IsSecretOfKafka(string key) =>
        key.StartsWith("Kafka:", StringComparison.OrdinalIgnoreCase)
        && key.Split(':') is [_, _, var name] && LibrdkafkaProperties.IsSecret(LibrdkafkaProperties.Normalize(name));

    private T Get<T>() => (T)_sections[typeof(T)];

    /// <summary>What only shows when sections are looked at together.</summary>
    private IEnumerable<string> Contradictions()
    {
        if (Watch.AsksForReview && Kafka.ReviewTopic.Length == 0)
            yield return "Kafka:ReviewTopic: found none, expected the topic of the copies that Watch:Review asks for.";
        if (Watch.Share == 0 && (Watch.AsksForReview || Watch.SaveReference.Length > 0))
            yield return "Watch:Share: found 0, which watches nothing, expected more for Watch:Review and Watch:SaveReference to have something to go by.";
        foreach (var failure in ClientContradictions()) yield return failure;
    }

    private IEnumerable<string> ClientContradictions()
    {
        try
        {
            _ = KafkaClients;
            return [];
        }
        catch (OptionsValidationException exception)
        {
            return exception.Failures;
        }
    }

    private static IEnumerable<string> Validate(string name, object section, string[] unused)
    {
        var results = new List<ValidationResult>();
        var context = new ValidationContext(section);
        if (!Validator.TryValidateObject(section, context, results, validateAllProperties: true) && section is IValidatableObject validatable)
        {
            // The validator skips the cross-field checks when a field is out of range: here all errors are wanted.
            results.AddRange(validatable.Validate(context));
        }

        return results.Where(r => !r.MemberNames.Any(unused.Contains)).Select(r => Describe(name, section, r)).Distinct();
    }

    private static string Describe(string section, object options, ValidationResult result)
    {
        var member = result.MemberNames.FirstOrDefault();
        var key = member is null ? section : $"{section}:{member}";
        if (member is not null && Expected(options, member, result.ErrorMessage) is { } expected) return $"{key} {expected}";
        return result.ErrorMessage!.StartsWith(section + ":", StringComparison.Ordinal) ? result.ErrorMessage : $"{key}: {result.ErrorMessage}";
    }

    // What the validator says of a range or a choice has nothing of the value that was found.
    private static string? Expected(object options, string member, string? said)
    {
        if (options.GetType().GetProperty(member) is not { } property) return null;
        var value = property.GetValue(options);
        var broken = property.GetCustomAttributes<ValidationAttribute>().FirstOrDefault(a => !a.IsValid(value));
        if (broken?.FormatErrorMessage(member) != said) return null;
        return broken switch
        {
            RangeAttribute range => string.Create(CultureInfo.InvariantCulture, $"is {value}, expected {range.Minimum} to {range.Maximum}."),
            RegularExpressionAttribute choice => $"is '{value}', expected one of {choice.Pattern.Replace("|", ", ", StringComparison.Ordinal)}.",
            _ => null,
        };
    }
}
