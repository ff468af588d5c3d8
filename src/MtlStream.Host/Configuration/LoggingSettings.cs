using System.Reflection;
using Microsoft.Extensions.Logging.Console;
using MtlStream.Text;

namespace MtlStream.Host.Configuration;

/// <summary>Checks the section <c>Logging</c>, which is the framework's: it would take a misspelt key for none, and fail at a wrong level.</summary>
internal static class LoggingSettings
{
    public const string Section = "Logging";

    private const string Levels = "LogLevel";
    private const string Console = "Console";

    /// <summary>Those whose log this program can write, and those that files of settings often have besides.</summary>
    private static readonly string[] s_providers = [Console, "OpenTelemetry", "Debug", "EventSource", "EventLog"];

    private static readonly string[] s_formatters = [ConsoleFormatterNames.Simple, ConsoleFormatterNames.Json, ConsoleFormatterNames.Systemd];

    private static readonly IReadOnlyList<PropertyInfo> s_console = Properties(typeof(ConsoleLoggerOptions));

    private static readonly IReadOnlyList<PropertyInfo> s_formats =
        [.. Properties(typeof(SimpleConsoleFormatterOptions)), .. Properties(typeof(JsonConsoleFormatterOptions))];

    /// <summary>What is wrong with a setting of the section; null when nothing is.</summary>
    public static string? Check(Setting setting)
    {
        var parts = setting.Key.Split(':');
        if (parts.Length == 1) return $"{SettingsSchema.Name(setting)}: a section, expected a key in it such as {Section}:{Levels}:Default.";
        if (Is(parts[1], Levels)) return CheckLevel(setting, parts, 2);
        if (!s_providers.Contains(parts[1], StringComparer.OrdinalIgnoreCase)) return NoKey(setting, parts[1], Section, [Levels, .. s_providers]);
        if (parts.Length > 2 && Is(parts[2], Levels)) return CheckLevel(setting, parts, 3);
        return Is(parts[1], Console) ? CheckConsole(setting, parts) : null;
    }

    private static string? CheckLevel(Setting setting, string[] parts, int category)
    {
        if (parts.Length <= category)
            return $"{SettingsSchema.Name(setting)}: expected {setting.Key}:Default, or the name of a category in place of Default.";
        return SettingsSchema.CheckValue(setting, typeof(LogLevel));
    }

    private static string? CheckConsole(Setting setting, string[] parts)
    {
        const string at = $"{Section}:{Console}";
        if (parts.Length == 2) return $"{SettingsSchema.Name(setting)}: expected {at}:{nameof(ConsoleLoggerOptions.FormatterName)}.";
        if (Is(parts[2], "FormatterOptions")) return CheckFormat(setting, parts);
        if (Find(s_console, parts[2]) is not { } property)
            return NoKey(setting, parts[2], at, [Levels, "FormatterOptions", .. s_console.Select(p => p.Name)]);
        if (property.Name != nameof(ConsoleLoggerOptions.FormatterName)) return SettingsSchema.CheckValue(setting, property.PropertyType);
        return s_formatters.Contains(setting.Value, StringComparer.OrdinalIgnoreCase)
            ? null : $"{SettingsSchema.Name(setting)} is '{setting.Value}', expected one of {string.Join(", ", s_formatters)}.";
    }

    private static string? CheckFormat(Setting setting, string[] parts)
    {
        const string at = $"{Section}:{Console}:FormatterOptions";
        if (parts.Length == 3) return $"{SettingsSchema.Name(setting)}: expected {at}:{nameof(ConsoleFormatterOptions.TimestampFormat)} or another key.";
        if (Find(s_formats, parts[3]) is not { } property) return NoKey(setting, parts[3], at, s_formats.Select(p => p.Name).Distinct());
        if (parts.Length > 4) return null; // of the JSON writer
        if (property.Name != nameof(ConsoleFormatterOptions.TimestampFormat)) return SettingsSchema.CheckValue(setting, property.PropertyType);
        try
        {
            _ = DateTimeOffset.UnixEpoch.ToString(setting.Value, System.Globalization.CultureInfo.InvariantCulture);
            return null;
        }
        catch (FormatException)
        {
            return $"{SettingsSchema.Name(setting)} is '{setting.Value}', expected a format of .NET for times such as 'HH:mm:ss '.";
        }
    }

    private static string NoKey(Setting setting, string wrong, string at, IEnumerable<string> known) =>
        $"{SettingsSchema.Name(setting)}: there is no key {wrong} in section {at}{Nearest.Suggest(wrong, known)}";

    private static PropertyInfo? Find(IEnumerable<PropertyInfo> properties, string name) => properties.FirstOrDefault(p => Is(p.Name, name));

    private static bool Is(string given, string name) => given.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static IReadOnlyList<PropertyInfo> Properties(Type type) =>
        [.. type.GetProperties().Where(p => p.CanWrite && p.GetCustomAttribute<ObsoleteAttribute>() is null)];
}
