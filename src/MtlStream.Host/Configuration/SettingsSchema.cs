using System.Collections;
using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Generation;
using MtlStream.Http;
using MtlStream.Kafka;
using MtlStream.Models;
using MtlStream.Monitoring;
using MtlStream.Registry;
using MtlStream.Text;

namespace MtlStream.Host.Configuration;

/// <summary>One setting that there is. A list ends with <c>:0</c>, a free dictionary with <c>:NAME</c>.</summary>
/// <param name="Property">Where it is bound to; its comment says what it means.</param>
internal sealed record KnownSetting(string Key, string Default, PropertyInfo Property);

/// <summary>The sections and keys that there are, read from the options records.</summary>
internal static class SettingsSchema
{
    public static IReadOnlyDictionary<string, Type> Sections { get; } = new Dictionary<string, Type>(StringComparer.OrdinalIgnoreCase)
    {
        ["Kafka"] = typeof(KafkaOptions),
        ["Registry"] = typeof(RegistryOptions),
        ["Input"] = typeof(InputOptions),
        ["Output"] = typeof(OutputOptions),
        ["Model"] = typeof(ModelOptions),
        ["Questions"] = typeof(QuestionOptions),
        ["Generation"] = typeof(GenerationOptions),
        ["Tokenization"] = typeof(TokenizationOptions),
        ["Batching"] = typeof(BatchingOptions),
        ["Pipeline"] = typeof(PipelineOptions),
        ["Delivery"] = typeof(DeliveryOptions),
        ["Watch"] = typeof(WatchOptions),
        ["Http"] = typeof(HttpOptions),
    };

    /// <summary>Every setting with its default.</summary>
    public static IEnumerable<KnownSetting> All() =>
        from section in Sections
        let defaults = Activator.CreateInstance(section.Value)
        from property in Properties(section.Value)
        select new KnownSetting(KeyOf(section.Key, property), Text(property.GetValue(defaults)), property);

    /// <summary>Of a section that is a free dictionary itself, the name alone: <c>Questions:NAME</c>.</summary>
    private static string KeyOf(string section, PropertyInfo property) =>
        property.DeclaringType == typeof(QuestionOptions) ? section + Suffix(property) : $"{section}:{property.Name}{Suffix(property)}";

    /// <summary>What is wrong with the name or the type of a setting; null when nothing is.</summary>
    public static string? Check(Setting setting)
    {
        var parts = setting.Key.Split(':');
        if (parts[0].Equals(LoggingSettings.Section, StringComparison.OrdinalIgnoreCase)) return LoggingSettings.Check(setting);
        if (!Sections.TryGetValue(parts[0], out var type))
            return $"{Name(setting)}: there is no section {parts[0]}{Nearest.Suggest(parts[0], Sections.Keys.Append(LoggingSettings.Section))}";
        if (parts.Length == 1) return $"{Name(setting)}: a section, expected a key in it such as {parts[0]}:{Properties(type).First().Name}.";

        var property = Properties(type).FirstOrDefault(p => p.Name.Equals(parts[1], StringComparison.OrdinalIgnoreCase));
        if (property is null)
            return $"{Name(setting)}: there is no key {parts[1]} in section {parts[0]}{Nearest.Suggest(parts[1], Properties(type).Select(p => p.Name))}";
        if (IsDictionary(property))
            return parts.Length == 3 ? CheckValue(setting, property.PropertyType.GetGenericArguments()[1]) : $"{Name(setting)}: expected {parts[0]}:{property.Name}:NAME.";
        if (IsList(property))
            return parts.Length == 3 && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out _)
                ? null : $"{Name(setting)}: a list, expected {parts[0]}:{property.Name}:0, {parts[0]}:{property.Name}:1 and so on.";
        if (parts.Length != 2) return $"{Name(setting)}: {parts[0]}:{property.Name} is a value, there is nothing below it.";
        return CheckValue(setting, property.PropertyType);
    }

    /// <summary>What is wrong with a value; null when it can be converted.</summary>
    public static string? CheckValue(Setting setting, Type type)
    {
        if (type.IsEnum)
        {
            // Numbers would convert as well, into values that have no name.
            return Enum.GetNames(type).Contains(setting.Value, StringComparer.OrdinalIgnoreCase)
                ? null : $"{Name(setting)} is '{setting.Value}', expected one of {string.Join(", ", Enum.GetNames(type))}.";
        }

        try
        {
            TypeDescriptor.GetConverter(type).ConvertFromInvariantString(setting.Value);
            return null;
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or OverflowException or NotSupportedException)
        {
            return $"{Name(setting)} is '{setting.Value}', expected {Describe(type)}.";
        }
    }

    /// <summary>The setting, and where it was given.</summary>
    public static string Name(Setting setting) =>
        setting.Origin == "--" + setting.Key ? setting.Origin : $"{setting.Key} ({setting.Origin})";

    private static string Describe(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(TimeSpan) ? "a time such as 00:00:20"
        : type == typeof(double) ? "a number"
        : type == typeof(int) || type == typeof(long) ? "a whole number"
        : $"a {type.Name}";

    private static IEnumerable<PropertyInfo> Properties(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.SetMethod is { IsPublic: true });

    private static bool IsDictionary(PropertyInfo property) =>
        property.PropertyType.IsGenericType && property.PropertyType.Name.Contains("Dictionary", StringComparison.Ordinal);

    private static bool IsList(PropertyInfo property) =>
        property.PropertyType != typeof(string) && !IsDictionary(property) && property.PropertyType.IsAssignableTo(typeof(IEnumerable));

    private static string Suffix(PropertyInfo property) => IsDictionary(property) ? ":NAME" : IsList(property) ? ":0" : "";

    private static string Text(object? value) => value switch
    {
        null => "",
        string text => text,
        IEnumerable items => string.Join(", ", items.Cast<object>()),
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
