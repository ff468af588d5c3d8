using System.CommandLine;
using MtlStream.Delivery;
using MtlStream.Host.Configuration;
using MtlStream.Host.Diagnosis;
using MtlStream.Kafka.Diagnosis;

namespace MtlStream.Host;

/// <summary><c>mtlstream doctor</c>: looks at everything that the worker needs, and says what to do.</summary>
internal static class DoctorCommand
{
    /// <summary>What stands left of a line that goes on with a finding.</summary>
    private static readonly string Margin = new(' ', 18);

    public static Command Build()
    {
        var command = new CliCommand(
            "doctor", "Checks settings, model, device, broker, topics and rights with the settings of run, and says what to do about each finding. Exit code 1: the worker would not work.",
            "mtlstream doctor --Kafka:BootstrapServers=localhost:9092 --Kafka:InputTopics:0=comments --Kafka:OutputTopic=comments-enriched --Kafka:DeadLetterTopic=comments-rejected")
        {
            SettingsLookup.Config, SettingsLookup.Secrets,
        };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) => RunAsync(AppSettings.Load(parsed), Console.Out, stopping));
        return command;
    }

    internal static async Task<int> RunAsync(AppSettings settings, TextWriter output, CancellationToken stopping)
    {
        var worst = Severity.Ok;
        await foreach (var finding in FindAsync(settings, stopping))
        {
            await output.WriteLineAsync($"{finding.Severity.ToString().ToLowerInvariant(),-7} {finding.Subject,-9} {finding.Found.ReplaceLineEndings(Environment.NewLine + Margin)}");
            if (finding.Remedy is { } remedy) await output.WriteLineAsync($"{Margin}-> {remedy}");
            if (finding.Severity > worst) worst = finding.Severity;
        }

        return worst == Severity.Failure ? ExitCodes.Failed : ExitCodes.Done;
    }

    private static async IAsyncEnumerable<Finding> FindAsync(
        AppSettings settings, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stopping)
    {
        yield return new(Severity.Ok, "settings", $"readable and without contradictions; {settings.Delivery.Guarantee}, group {settings.Kafka.GroupId}");
        foreach (var warning in settings.Warnings) yield return new(Severity.Warning, "settings", warning);
        if (settings.ExposedSecrets.Count > 0)
        {
            yield return new(
                Severity.Warning, "settings", $"{string.Join(", ", settings.ExposedSecrets)} came as an argument, which every user of this machine can read",
                "Give it in the environment (MTLSTREAM__Kafka__Client__...) or in a file.");
        }

        // Loading takes seconds in which nothing listens to a stop.
        var model = Task.Run(() => ModelDiagnosis.Find(settings.Serving).ToList(), CancellationToken.None);
        foreach (var finding in await model.WaitAsync(stopping)) yield return finding;
        if (TemporaryDiagnosis.Find(settings.Serving.Model) is { } unusable) yield return unusable;
        yield return HttpDiagnosis.Find(settings.Http);
        foreach (var endpoint in TelemetrySettings.Endpoints(Environment.GetEnvironmentVariables())) yield return await TelemetryDiagnosis.FindAsync(endpoint, stopping);
        await foreach (var finding in RegistryDiagnosis.FindAsync(settings, stopping)) yield return finding;
        var kafka = new KafkaDiagnosis(settings.KafkaClients, settings.Input, TimeProvider.System);
        await foreach (var finding in kafka.FindAsync(stopping)) yield return finding;
    }
}
