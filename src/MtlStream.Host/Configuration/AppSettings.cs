using System.ComponentModel.DataAnnotations;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Inference;
using MtlStream.Tokenization;

namespace MtlStream.Host.Configuration;

/// <summary>All settings, bound and checked.</summary>
internal sealed class AppSettings
{
    private readonly Dictionary<Type, object> _sections = [];

    private AppSettings(IConfiguration configuration) => Configuration = configuration;

    /// <summary>The settings as text; only the section <c>Logging</c> is read from here.</summary>
    public IConfiguration Configuration { get; }

    public InputOptions Input => Get<InputOptions>();
    public OutputOptions Output => Get<OutputOptions>();
    public ModelOptions Model => Get<ModelOptions>();
    public TokenizationOptions Tokenization => Get<TokenizationOptions>();
    public BatchingOptions Batching => Get<BatchingOptions>();
    public PipelineOptions Pipeline => Get<PipelineOptions>();
    public DeliveryOptions Delivery => Get<DeliveryOptions>();
    public HttpOptions Http => Get<HttpOptions>();

    /// <summary>Reads the settings of this process.</summary>
    /// <param name="arguments">What is left of the command line: <c>--Section:Key=value</c>.</param>
    /// <exception cref="UsageException">Something is wrong; one message names everything.</exception>
    public static AppSettings Load(IEnumerable<string> arguments) =>
        From(SettingsReader.Read(SettingsReader.FindFile(), Environment.GetEnvironmentVariables(), arguments));

    /// <exception cref="UsageException">Something is wrong; one message names everything.</exception>
    public static AppSettings From(IReadOnlyList<Setting> settings)
    {
        var errors = new List<string>();
        var usable = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (var setting in settings)
        {
            if (SettingsSchema.Check(setting) is { } error) errors.Add(error);
            else usable[setting.Key] = setting.Value;
        }

        var configuration = new ConfigurationBuilder().AddInMemoryCollection(usable).Build();
        var bound = new AppSettings(configuration);
        foreach (var (name, type) in SettingsSchema.Sections)
        {
            var section = configuration.GetSection(name).Get(type) ?? Activator.CreateInstance(type)!;
            bound._sections[type] = section;
            errors.AddRange(Validate(name, section));
        }

        if (errors.Count > 0)
            throw new UsageException(string.Join(Environment.NewLine + "  ", errors.Prepend("the configuration cannot be used:")));
        return bound;
    }

    private T Get<T>() => (T)_sections[typeof(T)];

    private static IEnumerable<string> Validate(string name, object section)
    {
        var results = new List<ValidationResult>();
        var context = new ValidationContext(section);
        if (!Validator.TryValidateObject(section, context, results, validateAllProperties: true) && section is IValidatableObject validatable)
        {
            // The validator skips the cross-field checks when a field is out of range: here all errors are wanted.
            results.AddRange(validatable.Validate(context));
        }

        return results.Select(r => $"{name}: {r.ErrorMessage}").Distinct();
    }
}
