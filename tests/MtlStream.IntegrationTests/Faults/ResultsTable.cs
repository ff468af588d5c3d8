using System.Globalization;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>The table of campaigns: <c>tests/results/faults.md</c>.</summary>
internal static class ResultsTable
{
    private static readonly Fault[] s_faults = Enum.GetValues<Fault>();

    private static string Heading =>
        "# Fault campaigns\n\n"
        + "Written by `./test.sh --faults` (`tests/MtlStream.IntegrationTests/Faults`): three Apache Kafka 4.3.1 brokers behind loopback proxies, one to four\n"
        + "`mtlstream run` processes, faults in an order and at moments that the seed decides. Lost, altered and reordered must be 0; duplicated must be 0\n"
        + "for ExactlyOnce and is counted for AtLeastOnce. Reordered counts first appearances out of order within a partition.\n\n"
        + "| date | guarantee | group protocol | seed | events | " + string.Join(" | ", s_faults.Select(Name))
        + " | processes | exits 0 / 1 / killed | time | lost | duplicated | altered | reordered |\n|"
        + string.Concat(Enumerable.Repeat("---|", 12 + s_faults.Length)) + "\n";

    public static void Append(CampaignPlan plan, FaultCampaign campaign, Account account, TimeSpan elapsed)
    {
        if (Environment.GetEnvironmentVariable("MTLSTREAM_FAULTS_RESULTS") is not { Length: > 0 } path) return;
        if (!File.Exists(path)) File.WriteAllText(path, Heading);
        var cells = new List<string>
        {
            TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), plan.Guarantee, plan.Protocol, $"{plan.Seed}", $"{plan.Events}",
        };
        cells.AddRange(s_faults.Select(f => $"{campaign.Faults.GetValueOrDefault(f)}"));
        cells.AddRange(
        [
            $"{campaign.WorkersStarted}", Exits(campaign.Exits),
            $"{elapsed.TotalSeconds:0} s", $"{account.Lost}", $"{account.Duplicated}", $"{account.Altered}", $"{account.Reordered}",
        ]);
        File.AppendAllText(path, $"| {string.Join(" | ", cells)} |\n");
    }

    private static string Exits(IReadOnlyDictionary<int, int> exits) =>
        $"{exits.GetValueOrDefault(0)} / {exits.GetValueOrDefault(1)} / {exits.GetValueOrDefault(137)}" +
        string.Concat(exits.Where(e => e.Key is not (0 or 1 or 137)).Select(e => $", {e.Value} with {e.Key}"));

    private static string Name(Fault fault) => fault switch
    {
        Fault.WorkerKilled => "kill -9",
        Fault.WorkerTerminated => "SIGTERM",
        Fault.WorkerFrozen => "frozen past the session",
        Fault.WorkerStarved => "starved",
        Fault.WorkersChanged => "workers added or removed",
        Fault.BrokerKilled => "broker kill -9",
        Fault.LeadersMoved => "leaders moved",
        Fault.NetworkCut => "network cut",
        _ => "network hung",
    };
}
