using System.Collections;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration.Json;

namespace MtlStream.Host.Configuration;

/// <summary>One setting as it was given.</summary>
/// <param name="Key"><c>Section:Key</c>, librdkafka names with dots.</param>
/// <param name="Origin">Where it was found, for error messages.</param>
internal sealed record Setting(string Key, string Value, string Origin);

/// <summary>Collects settings: appsettings.json, then <c>MTLSTREAM__Section__Key</c>, then <c>--Section:Key=value</c>; the last one counts.</summary>
internal static partial class SettingsReader
{
    public const string EnvironmentPrefix = "MTLSTREAM__";

    /// <summary>Name of the file, looked for in the working directory and then beside the program; the first one found is read.</summary>
    public const string FileName = "appsettings.json";

    /// <param name="file">Path of the file to read; null for none.</param>
    /// <param name="environment">Variables by name; other prefixes are skipped.</param>
    /// <param name="arguments">What is left of the command line.</param>
    /// <exception cref="UsageException">The file is not JSON, or an argument is not <c>--Section:Key=value</c>.</exception>
    public static IReadOnlyList<Setting> Read(string? file, IDictionary environment, IEnumerable<string> arguments)
    {
        var settings = new Dictionary<string, Setting>(StringComparer.OrdinalIgnoreCase);
        foreach (var setting in FromFile(file).Concat(FromEnvironment(environment)).Concat(FromArguments(arguments)))
            settings[setting.Key] = setting;
        return [.. settings.Values];
    }

    /// <summary>The file that is read when nothing else is said; null when there is none.</summary>
    public static string? FindFile() =>
        new[] { Path.Combine(Environment.CurrentDirectory, FileName), Path.Combine(AppContext.BaseDirectory, FileName) }
            .FirstOrDefault(File.Exists);

    private static List<Setting> FromFile(string? file)
    {
        if (file is null) return [];
        var provider = new JsonConfigurationProvider(new());
        try
        {
            using var stream = File.OpenRead(file);
            provider.Load(stream);
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{file} cannot be read: {(exception.InnerException ?? exception).Message}", exception);
        }

        return [.. Leaves(provider, null).Select(s => s with { Origin = file })];
    }

    private static IEnumerable<Setting> Leaves(JsonConfigurationProvider provider, string? parent)
    {
        foreach (var name in provider.GetChildKeys([], parent).Distinct(StringComparer.OrdinalIgnoreCase))
        {
            var key = parent is null ? name : $"{parent}:{name}";
            if (provider.TryGet(key, out var value) && value is not null && !provider.GetChildKeys([], key).Any())
                yield return new(Normalize(key), value, FileName);
            foreach (var leaf in Leaves(provider, key)) yield return leaf;
        }
    }

    private static IEnumerable<Setting> FromEnvironment(IDictionary environment)
    {
        foreach (DictionaryEntry variable in environment)
        {
            var name = (string)variable.Key;
            if (!name.StartsWith(EnvironmentPrefix, StringComparison.OrdinalIgnoreCase)) continue;
            var key = name[EnvironmentPrefix.Length..].Replace("__", ":", StringComparison.Ordinal);
            yield return new(Normalize(key), (string?)variable.Value ?? "", name);
        }
    }

    private static IEnumerable<Setting> FromArguments(IEnumerable<string> arguments)
    {
        var wrong = new List<string>();
        var valueMayFollow = false; // what comes next may be the value of the one before, such as a password that somebody did not put behind '='
        foreach (var argument in arguments)
        {
            var match = ArgumentPattern().Match(argument);
            if (match.Success) yield return new(Normalize(match.Groups[1].Value), match.Groups[2].Value, "--" + match.Groups[1].Value);
            else wrong.Add(valueMayFollow ? "its value" : $"'{argument.Split('=')[0]}'");
            valueMayFollow = !match.Success && (valueMayFollow || !argument.Contains('=', StringComparison.Ordinal));
        }

        if (wrong.Count > 0) throw new UsageException($"Unknown argument {string.Join(", ", wrong)}: expected settings as --Section:Key=value.");
    }

    /// <summary>librdkafka's names have dots, which environment variables cannot have: both spellings are one setting.</summary>
    private static string Normalize(string key)
    {
        var match = ClientPropertyPattern().Match(key);
        return match.Success ? match.Groups[1].Value + match.Groups[2].Value.Replace('_', '.') : key;
    }

    [GeneratedRegex("^--([A-Za-z]+(?::[^:=]+)+)=(.*)$", RegexOptions.Singleline)]
    private static partial Regex ArgumentPattern();

    [GeneratedRegex("^(Kafka:(?:Consumer|Producer|Client):)(.+)$", RegexOptions.IgnoreCase)]
    private static partial Regex ClientPropertyPattern();
}
