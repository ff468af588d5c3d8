using System.CommandLine;
using MtlStream.Bench;
using MtlStream.Events;
using MtlStream.Host.Configuration;

namespace MtlStream.Host;

/// <summary>What the measurements take from the command line.</summary>
internal static class BenchOptions
{
    public static Option<double> Seconds(double otherwise) => Positive(new Option<double>("--seconds")
    {
        Description = "About how long each measurement takes.",
        HelpName = "S",
        DefaultValueFactory = _ => otherwise,
    });

    public static Option<long> Events() => Positive(new Option<long>("--events")
    {
        Description = "Events of each measurement, in place of --seconds.",
        HelpName = "N",
    });

    public static Option<int> Repetitions() => Positive(new Option<int>("--repetitions")
    {
        Description = "Measurements of each figure, in turn with what it is compared with; their median is reported.",
        HelpName = "N",
        DefaultValueFactory = _ => 3,
    });

    public static Option<bool> NullModel() => new("--null-model") { Description = "Constant labels instead of the model: measures everything around it." };

    /// <summary>The lines of the file that <c>--input</c> names.</summary>
    /// <exception cref="UsageException">The file cannot be read, has no lines, or none with a text.</exception>
    public static Task<IReadOnlyList<byte[]>> ReadAsync(string path, InputOptions options, CancellationToken stopping) =>
        BenchInput.ReadAsync(path, CommonOptions.OpenInput(path), options, stopping);

    /// <summary>Settings of a measurement: those of the command line over the defaults; files and environment are left out.</summary>
    public static AppSettings Settings(IEnumerable<string> arguments) => AppSettings.From(
        SettingsReader.Read(null, new Dictionary<string, string>(), arguments), "InputTopics", "OutputTopic", "DeadLetterTopic");

    /// <summary>Settings of a measurement of the worker: <c>--model</c> and <c>--device</c> where they are given.</summary>
    public static AppSettings Settings(IEnumerable<string> arguments, bool nullModel, string model, string device) => Settings(
    [
        .. arguments, .. nullModel ? ["--Model:ConstantLabels=true"] : Array.Empty<string>(), .. model.Length > 0 ? [$"--Model:Path={model}"] : Array.Empty<string>(),
        .. device != "auto" ? [$"--Model:Device={device}"] : Array.Empty<string>(),
    ]);

    private static Option<T> Positive<T>(Option<T> option)
    {
        option.Validators.Add(given => CommonOptions.RequirePositive(given, option.Name));
        return option;
    }
}
