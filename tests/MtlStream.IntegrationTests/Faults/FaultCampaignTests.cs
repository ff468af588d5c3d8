using System.Globalization;
using MtlStream.IntegrationTests.Kafka;
using Xunit.Abstractions;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>Proof of the delivery guarantees: every event is accounted for after faults of every kind.</summary>
/// <remarks>
/// Size of the campaigns of <c>./test.sh --faults</c> by environment: <c>MTLSTREAM_FAULTS_EVENTS</c> (20000 unless set), <c>MTLSTREAM_FAULTS_SECONDS</c> (75), <c>MTLSTREAM_FAULTS_KILLS</c> (5),
/// <c>MTLSTREAM_FAULTS_SEED</c> (random, logged). The long form: 1000000 events, 30 kills. Appends a row to <c>MTLSTREAM_FAULTS_RESULTS</c> when that names a file.
/// </remarks>
[Collection(Alone.Name)]
public sealed class FaultCampaignTests(ITestOutputHelper output)
{
    [RealKafkaTheory]
    [Trait("Category", "Faults")]
    [InlineData("AtLeastOnce", "classic")]
    [InlineData("AtLeastOnce", "consumer")]
    [InlineData("ExactlyOnce", "classic")]
    [InlineData("ExactlyOnce", "consumer")]
    public Task No_fault_loses_alters_or_reorders_an_event(string guarantee, string protocol) =>
        RunAsync(new(guarantee, protocol, Setting("SEED", Random.Shared.Next()), Setting("EVENTS", 20_000), TimeSpan.FromSeconds(Setting("SECONDS", 75)), Setting("KILLS", 5)));

    public static IEnumerable<object[]> EachAlone =>
        from guarantee in new[] { "AtLeastOnce", "ExactlyOnce" } from fault in Enum.GetNames<Fault>() select new object[] { guarantee, fault };

    /// <summary>One kind of fault at a time, three times each: what fails then has one cause.</summary>
    [RealKafkaTheory]
    [Trait("Category", "Faults")]
    [MemberData(nameof(EachAlone))]
    public Task No_fault_alone_does_so(string guarantee, string fault) =>
        RunAsync(new(guarantee, "consumer", Setting("SEED", Random.Shared.Next()), 4000, TimeSpan.FromSeconds(8), 3, Enum.Parse<Fault>(fault)));

    /// <summary>The same, as short as every fault allows: for each run of all tests.</summary>
    [RealKafkaTheory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public Task No_fault_does_so_in_a_short_campaign(string guarantee) =>
        RunAsync(new(guarantee, "consumer", Setting("SEED", Random.Shared.Next()), 6000, TimeSpan.FromSeconds(25), 3));

    private async Task RunAsync(CampaignPlan plan)
    {
        var log = Environment.GetEnvironmentVariable("MTLSTREAM_FAULTS_LOG");
        using var campaign = new FaultCampaign(plan, line =>
        {
            output.WriteLine(line);
            if (log is not null) File.AppendAllText(log, line + "\n");
        });

        var started = TimeProvider.System.GetTimestamp();
        var account = await campaign.RunAsync();
        ResultsTable.Append(plan, campaign, account, TimeProvider.System.GetElapsedTime(started));

        Assert.True(account.Lost == 0, $"Seed {plan.Seed}: {account.Lost} events lost, the first ones {string.Join(", ", account.FirstLost)}.\n{campaign.WorkerLog}");
        Assert.True(account is { Altered: 0, Reordered: 0 }, $"Seed {plan.Seed}: {account.Altered} altered, {account.Reordered} reordered.");
        if (plan.Guarantee == "ExactlyOnce") Assert.True(account.Duplicated == 0, $"Seed {plan.Seed}: {account.Duplicated} events more than once.");
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable($"MTLSTREAM_FAULTS_{name}"), CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
