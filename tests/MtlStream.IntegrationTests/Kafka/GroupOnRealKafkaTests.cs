namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Several workers of one group, at once or one after the other, that come, stop or are killed.</summary>
public sealed class GroupOnRealKafkaTests() : OnRealKafka(Partitions)
{
    private const int Partitions = 4;

    [RealKafkaTheory]
    [InlineData("AtLeastOnce")]
    [InlineData("ExactlyOnce")]
    public async Task Killed_in_the_middle_nothing_is_lost_and_exactly_once_means_that(string guarantee)
    {
        const int Events = 32_000;
        var settings = Settings(guarantee);
        settings["Kafka:Consumer:session.timeout.ms"] = "6000"; // a killed worker is missed soon
        for (var i = 0; i < 3; i++)
        {
            WriteEvents(_input, i * 8000, 8000, Partitions); // each has something to do, however fast the one before it was
            var doomed = Start(settings);
            var before = Committed(Partitions);
            await Wait.Until(() => Committed(Partitions) > before, TimeSpan.FromMinutes(3), () => doomed.Log);
            doomed.SendKill();
            await doomed.EndedAsync();
        }

        WriteEvents(_input, 24_000, 8000, Partitions);
        var last = Start(settings);
        await Wait.Until(last.IsReady, TimeSpan.FromMinutes(3), () => last.Log); // perhaps there is nothing left to do for it
        await Wait.Until(() => Committed(Partitions) >= Events, TimeSpan.FromMinutes(3), () => last.Log);
        await last.StopAsync();
        AssertEvents(Events, exact: guarantee == "ExactlyOnce");
    }

    [RealKafkaTheory]
    [InlineData("AtLeastOnce", "classic")]
    [InlineData("AtLeastOnce", "consumer")]
    [InlineData("ExactlyOnce", "classic")]
    [InlineData("ExactlyOnce", "consumer")]
    public async Task From_one_worker_to_four_and_back_under_load(string guarantee, string protocol)
    {
        var written = 0;
        void Load(int count) => WriteEvents(_input, (written += count) - count, count, Partitions);
        var committed = () => Committed(Partitions);

        Load(4000);
        var first = Start(guarantee, protocol);
        await Wait.Until(() => committed() > 0, TimeSpan.FromMinutes(3), () => first.Log);
        var others = new List<WorkerProcess>();
        for (var i = 0; i < 3; i++)
        {
            Load(4000);
            others.Add(Start(guarantee, protocol));
            await Wait.Until(() => others[^1].Log.Contains("Assigned: ", StringComparison.Ordinal), TimeSpan.FromMinutes(3), () => others[^1].Log);
        }

        Load(4000);
        foreach (var other in others)
        {
            Load(4000);
            await other.StopAsync();
        }

        await Wait.Until(() => committed() >= written, TimeSpan.FromMinutes(3), () => first.Log);
        await first.StopAsync();
        AssertEvents(written, exact: true); // handing partitions over in order costs no duplicate even at least once
    }

    [RealKafkaFact]
    public async Task Two_workers_with_one_transactional_id_are_told_so()
    {
        var settings = Settings("ExactlyOnce");
        settings["Delivery:TransactionalId"] = _group;
        var (one, two) = (Start(settings), Start(settings));
        for (var from = 0; !one.HasExited && !two.HasExited && from < 200_000; from += 1000)
        {
            WriteEvents(_input, from, 1000, Partitions);
            await Wait.Until(() => one.HasExited || two.HasExited || Committed(Partitions) >= from, TimeSpan.FromMinutes(3));
        }

        var loser = one.HasExited ? one : two;
        Assert.Equal(1, await loser.EndedAsync());
        Assert.Contains($"'{_group}'", loser.Log, StringComparison.Ordinal);
        Assert.Contains("Delivery:TransactionalId", loser.Log, StringComparison.Ordinal);
    }

    [RealKafkaFact]
    public async Task Two_workers_with_one_instance_id_are_told_so()
    {
        var settings = Settings("AtLeastOnce");
        settings["Kafka:Consumer:group.instance.id"] = "the-same";
        var first = Start(settings);
        await Wait.Until(first.IsReady, TimeSpan.FromMinutes(3), () => first.Log);
        var second = Start(settings);

        Assert.Equal(1, await first.EndedAsync(TimeSpan.FromMinutes(3)));
        Assert.Contains("group.instance.id 'the-same'", first.Log, StringComparison.Ordinal);
        await Wait.Until(second.IsReady, TimeSpan.FromMinutes(3), () => second.Log);
    }
}
