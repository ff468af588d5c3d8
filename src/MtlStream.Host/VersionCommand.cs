using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json;
using MtlStream.Kafka;
using MtlStream.Models;
using MtlStream.Onnx;

namespace MtlStream.Host;

/// <summary><c>mtlstream version</c>: what this program is made of.</summary>
internal static class VersionCommand
{
    private static readonly JsonSerializerOptions s_json = new(CommonOptions.Json);

    /// <param name="Commit">The commit that it was built from; <c>unknown</c> where the build did not see the repository.</param>
    /// <param name="Model">Name and version of the package that serves without <c>Model:Path</c>; null when there is none.</param>
    internal sealed record Report(string Version, string Commit, string Runtime, string Librdkafka, string? Model, string? ModelFolder);

    public static Command Build()
    {
        var json = CommonOptions.JsonReport();
        var command = new CliCommand(
            "version", "Prints the program's version, commit and libraries, and the model that comes with it.",
            "mtlstream version", "mtlstream version --json") { json };
        command.SetAction(parsed =>
        {
            var report = Describe();
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json)) output.WriteLine(JsonSerializer.Serialize(report, s_json));
            else Print(report, output);
            return ExitCodes.Done;
        });
        return command;
    }

    private static Report Describe()
    {
        var program = typeof(VersionCommand).Assembly;
        var commit = program.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(a => a.Key == "Commit")?.Value;
        ModelManifest? model = null;
        try
        {
            model = ModelLoader.Find("");
        }
        catch (Exception exception) when (exception is UsageException or InvalidDataException)
        {
            // A program without a model is one all the same.
        }

        return new(
            program.GetName().Version!.ToString(3), commit is { Length: > 0 } ? commit : "unknown", RuntimeInformation.FrameworkDescription,
            KafkaConfiguration.ClientVersion, model is null ? null : $"{model.Name} {model.Version}", model?.Folder);
    }

    private static void Print(Report report, TextWriter output)
    {
        output.WriteLine($"mtlstream {report.Version}, commit {report.Commit}");
        output.WriteLine($"{report.Runtime}, librdkafka {report.Librdkafka}");
        output.WriteLine(report.Model is null ? "no model comes with it: name one with --model or Model:Path" : $"{report.Model} in {report.ModelFolder}");
    }
}
