using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using MtlStream.Host.Configuration;
using MtlStream.Host.Worker;
using MtlStream.Http;

namespace MtlStream.Host;

/// <summary><c>mtlstream status</c>: asks a worker on this machine how it is.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    public static Command Build()
    {
        var json = CommonOptions.JsonReport();
        var command = new CliCommand(
            "status", "Says how a worker on this machine is: state, model, rate, rejections, lag of each partition. Of the settings of run it needs Http:Url. Exit code 1: it is not ready, or none answers.",
            "mtlstream status", "mtlstream status --Http:Url=http://127.0.0.1:8081 --json") { json, SettingsLookup.Config, SettingsLookup.Secrets };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, stopping) => RunAsync(
            AppSettings.Load(parsed, "InputTopics", "OutputTopic", "DeadLetterTopic").Http, parsed.GetValue(json), parsed.InvocationConfiguration.Output, stopping));
        return command;
    }

    private static async Task<int> RunAsync(HttpOptions options, bool json, TextWriter output, CancellationToken stopping)
    {
        var report = await AskAsync(AddressOf(options), stopping);
        if (json) await output.WriteLineAsync(JsonSerializer.Serialize(report, CommonOptions.Json));
        else await PrintAsync(report, output);
        return report.State == "ready" ? ExitCodes.Done : ExitCodes.Failed;
    }

    /// <summary>Where a worker with these settings is asked from its own machine.</summary>
    /// <exception cref="UsageException">It has no endpoints, or nobody knows its port.</exception>
    internal static Uri AddressOf(HttpOptions options)
    {
        if (options.IsOff) throw new UsageException("Http:Url is off: such a worker cannot be asked.");
        if (options.Port == 0) throw new UsageException($"Http:Url is {options.Url}: expected the port that the worker took, which its log names.");
        return new UriBuilder(Uri.UriSchemeHttp, HostOf(options), options.Port).Uri;
    }

    // Of other names than localhost the server makes every address of the machine.
    private static string HostOf(HttpOptions options)
    {
        var host = options.Host;
        if (!IPAddress.TryParse(host, out var address)) return host == "localhost" ? host : IPAddress.Loopback.ToString();
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) return IPAddress.Loopback.ToString();
        return host;
    }

    private static async Task<StatusReport> AskAsync(Uri address, CancellationToken stopping)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = address, Timeout = s_patience };
        try
        {
            return await client.GetFromJsonAsync<StatusReport>(WorkerReport.Path, CommonOptions.Json, stopping)
                ?? throw new JsonException("found null");
        }
        catch (HttpRequestException exception) when (exception.StatusCode is null)
        {
            throw new IOException(
                $"no worker answers at {address}: {exception.GetBaseException().Message.TrimEnd('.')}. Name another address with --Http:Url=http://127.0.0.1:PORT.", exception);
        }
        catch (OperationCanceledException exception) when (!stopping.IsCancellationRequested)
        {
            throw new IOException($"what listens at {address} does not answer within {s_patience.TotalSeconds:0} s.", exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException)
        {
            throw new IOException($"what answers at {address} is no worker, or one of another version: {exception.Message}", exception);
        }
    }

    private static async Task PrintAsync(StatusReport report, TextWriter output)
    {
        var time = TimeSpan.FromSeconds(report.Seconds).ToString(@"d\.hh\:mm\:ss", CultureInfo.InvariantCulture);
        var counts = new EventCounts(report.Published, report.Dropped, report.RejectedByReason);
        var reasons = report.Rejected > 0 ? $" ({counts.Reasons})" : "";
        var reason = report.Reason is null ? "" : $": {report.Reason}";
        await output.WriteLineAsync($"state   {report.State}{reason}");
        await output.WriteLineAsync($"program mtlstream {report.Version}, serving for {time}");
        if (report.Model is { } model) await output.WriteLineAsync($"model   {model.Name} {model.Version} on {model.Device}");
        if (report.Canary is { } canary)
        {
            var why = canary.Reason is null ? "" : $": {canary.Reason}";
            await output.WriteLineAsync($"canary  {canary.Version} {canary.State} after {canary.Events} events{why}");
        }

        await output.WriteLineAsync(
            string.Create(CultureInfo.InvariantCulture, $"events  {report.EventsPerSecond:F1} a second; {report.Published} published, {report.Rejected} rejected{reasons}"));
        await output.WriteLineAsync($"lag     {report.Lag} in {report.Partitions.Count} partitions");
        foreach (var partition in report.Partitions) await output.WriteLineAsync($"        {partition.Lag} in {partition.Topic} [{partition.Partition}]");
    }
}
