using System.Collections;
using System.CommandLine;

namespace MtlStream.Host.Configuration;

/// <summary>Finds the settings of a process: which file, which folder of secrets, and what looks like a setting and is none.</summary>
/// <param name="File">The file that is read; null for none.</param>
/// <param name="Warnings">Sentences about what is not read although somebody may think so.</param>
internal sealed record SettingsLookup(string? File, IReadOnlyList<string> Warnings)
{
    /// <summary>The file that is read when none is named: of the working directory, else beside the program.</summary>
    public const string FileName = "appsettings.json";

    private const string HalfPrefix = "MTLSTREAM_";

    public static Option<string?> Config { get; } = new("--config")
    {
        Description = $"JSON file of settings, in place of {FileName}.",
        HelpName = "FILE",
    };

    public static Option<string?> Secrets { get; } = new("--secrets")
    {
        Description = "Folder with a file for each setting, such as Kafka__Client__sasl_password.",
        HelpName = "DIR",
    };

    /// <summary>Looks for the file and for mistakes.</summary>
    /// <param name="named">What <c>--config</c> says; null when it is not given.</param>
    /// <exception cref="UsageException">The named file is not there, or a file cannot be read.</exception>
    public static SettingsLookup In(string? named, IEnumerable<string> folders, IDictionary environment)
    {
        var warnings = HalfPrefixed(environment).ToList();
        if (named is not null)
        {
            if (!System.IO.File.Exists(named)) throw new UsageException($"--config: the file {Path.GetFullPath(named)} does not exist.");
            return new(named, warnings);
        }

        foreach (var file in folders.Select(folder => Path.Combine(folder, FileName)).Where(System.IO.File.Exists))
        {
            if (IsOurs(file)) return new(file, warnings);
            warnings.Add($"{file} has none of this program's sections and was not read; --config {file} would read it.");
        }

        return new(null, warnings);
    }

    /// <summary>The section Logging is every program's.</summary>
    private static bool IsOurs(string file)
    {
        var sections = SettingsReader.FromFile(file).Select(s => s.Key.Split(':')[0]).Distinct(StringComparer.OrdinalIgnoreCase).ToList();
        return sections.Count == 0 || sections.Any(SettingsSchema.Sections.ContainsKey)
            || sections is [var only] && only.Equals(LoggingSettings.Section, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Variables such as <c>MTLSTREAM_Kafka__GroupId</c>, which want two underscores after the program's name.</summary>
    private static IEnumerable<string> HalfPrefixed(IDictionary environment)
    {
        foreach (var name in environment.Keys.Cast<string>().Order(StringComparer.Ordinal))
        {
            if (!name.StartsWith(HalfPrefix, StringComparison.OrdinalIgnoreCase)) continue;
            var rest = name[HalfPrefix.Length..];
            if (rest.StartsWith('_')) continue;
            var section = rest.Split('_')[0];
            if (!SettingsSchema.Sections.ContainsKey(section) || section.Length == rest.Length) continue;
            var meant = $"{SettingsReader.EnvironmentPrefix}{section}__{rest[section.Length..].TrimStart('_')}";
            yield return $"{name} is not read: expected two underscores after MTLSTREAM and after a section, as in {meant}.";
        }
    }
}
