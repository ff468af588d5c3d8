using System.Collections;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Configuration.KeyPerFile;
using Microsoft.Extensions.FileProviders;
using MtlStream.Models;

namespace MtlStream.Host.Configuration;

/// <summary>One setting as it was given.</summary>
/// <param name="Key"><c>Section:Key</c>, librdkafka names with dots.</param>
/// <param name="Origin">Where it was found, for error messages.</param>
internal sealed record Setting(string Key, string Value, string Origin);

/// <summary>Where settings come from; later ones count more.</summary>
/// <param name="File">Path of a JSON file; null for none.</param>
/// <param name="Secrets">A folder with a file for each setting, named <c>Section__Key</c>; null for none.</param>
/// <param name="Environment">Variables by name; other prefixes than <c>MTLSTREAM__</c> are skipped.</param>
/// <param name="Arguments">What is left of the command line: <c>--Section:Key=value</c>.</param>
internal sealed record SettingSources(string? File, string? Secrets, IDictionary Environment, IEnumerable<string> Arguments);

/// <summary>Collects settings from all sources; of one that is given several times the last one counts.</summary>
internal static partial class SettingsReader
{
    public const string EnvironmentPrefix = "MTLSTREAM__";

    private const string Delimiter = "__";

    /// <exception cref="UsageException">A file or folder cannot be read, or an argument is not <c>--Section:Key=value</c>.</exception>
    public static IReadOnlyList<Setting> Read(SettingSources sources)
    {
        var settings = new Dictionary<string, Setting>(StringComparer.OrdinalIgnoreCase);
        var given = FromFile(sources.File).Concat(FromSecrets(sources.Secrets)).Concat(FromEnvironment(sources.Environment)).Concat(FromArguments(sources.Arguments));
        foreach (var setting in given) settings[setting.Key] = setting;
        return [.. settings.Values];
    }

    /// <summary>As <see cref="Read(SettingSources)"/>, without a folder of secrets.</summary>
    public static IReadOnlyList<Setting> Read(string? file, IDictionary environment, IEnumerable<string> arguments) =>
        Read(new(file, null, environment, arguments));

    /// <summary>The settings of a JSON file; none for null.</summary>
    /// <exception cref="UsageException">It cannot be read, or is not JSON.</exception>
    public static IReadOnlyList<Setting> FromFile(string? file)
    {
        if (file is null) return [];
        try
        {
            using var stream = File.OpenRead(file);
            var leaves = Leaves(new JsonStreamConfigurationProvider(new() { Stream = stream }));
            return [.. leaves.Select(leaf => new Setting(Normalize(leaf.Key), leaf.Value!, file))];
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException or JsonException)
        {
            throw new UsageException($"{file} cannot be read: {(exception.InnerException ?? exception).Message}", exception);
        }
    }

    /// <summary>Files without a section in their name are other programs'.</summary>
    private static IReadOnlyList<Setting> FromSecrets(string? folder)
    {
        if (folder is null) return [];
        var full = Path.GetFullPath(folder);
        if (!Directory.Exists(full)) throw new UsageException($"--secrets: the folder {full} does not exist.");
        var provider = new KeyPerFileConfigurationProvider(new()
        {
            FileProvider = new PhysicalFileProvider(full),
            IgnoreCondition = name => !name.Contains(Delimiter, StringComparison.Ordinal),
        });
        try
        {
            return [.. Leaves(provider).Select(leaf => new Setting(
                Normalize(WithoutPrefix(leaf.Key)), leaf.Value!, Path.Combine(full, leaf.Key.Replace(":", Delimiter, StringComparison.Ordinal))))];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--secrets: {full} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Has the provider read its source, and gives what has a value.</summary>
    private static IEnumerable<KeyValuePair<string, string?>> Leaves(IConfigurationProvider provider) =>
        new ConfigurationRoot([provider]).AsEnumerable().Where(leaf => leaf.Value is not null);

    private static string WithoutPrefix(string key) =>
        key.StartsWith("MTLSTREAM:", StringComparison.OrdinalIgnoreCase) ? key["MTLSTREAM:".Length..] : key;

    private static IEnumerable<Setting> FromEnvironment(IDictionary environment)
    {
        foreach (DictionaryEntry variable in environment)
        {
            var name = (string)variable.Key;
            if (!name.StartsWith(EnvironmentPrefix, StringComparison.OrdinalIgnoreCase)) continue;
            var key = name[EnvironmentPrefix.Length..].Replace(Delimiter, ":", StringComparison.Ordinal);
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

    /// <summary>
    /// librdkafka's names have dots, which environment variables cannot have: both spellings are one setting. A threshold of one label
    /// is <c>TASK:LABEL</c> to who writes it, and one name to who reads it. Section Questions is a dictionary as a whole.
    /// </summary>
    private static string Normalize(string key)
    {
        var threshold = ThresholdPattern().Match(key);
        if (threshold.Success) return $"{threshold.Groups[1].Value}/{threshold.Groups[2].Value}";
        var question = QuestionPattern().Match(key);
        if (question.Success) return $"Questions:{nameof(QuestionOptions.Named)}:{question.Groups[1].Value}";
        var match = ClientPropertyPattern().Match(key);
        return match.Success ? match.Groups[1].Value + match.Groups[2].Value.Replace('_', '.') : key;
    }

    [GeneratedRegex("^--([A-Za-z]+(?::[^:=]+)+)=(.*)$", RegexOptions.Singleline)]
    private static partial Regex ArgumentPattern();

    [GeneratedRegex("^(Model:Thresholds:[^:]+):(.+)$", RegexOptions.IgnoreCase)]
    private static partial Regex ThresholdPattern();

    [GeneratedRegex("^Questions:([^:]+)$", RegexOptions.IgnoreCase)]
    private static partial Regex QuestionPattern();

    [GeneratedRegex("^(Kafka:(?:Consumer|Producer|Client):)(.+)$", RegexOptions.IgnoreCase)]
    private static partial Regex ClientPropertyPattern();
}
