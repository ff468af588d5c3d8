namespace MtlStream.IntegrationTests.Kafka;

/// <summary>Topics that are not there.</summary>
public sealed class AdapterTopicTests : EmbeddedAdapter
{
    [Fact]
    public async Task A_missing_topic_is_named_and_waited_for()
    {
        _cluster.DeleteTopic(_output);
        _topics.WriteNumbers(_input, Partitions, 100);

        await using var worker = Worker().Start();
        await Wait.Until(() => worker.Status.MissingTopics.Contains(_output));
        Assert.False(worker.Status.Ready);
        Assert.Contains("topics are missing", worker.Status.NotReadyBecause, StringComparison.Ordinal);

        _cluster.CreateTopic(_output, Partitions, 3);
        await Wait.Until(() => worker.Acknowledged == 100 && worker.Status.Ready);
        await worker.StopAsync();
    }

    [Fact]
    public async Task An_input_topic_that_is_missing_keeps_the_others_from_nothing()
    {
        var missing = Topics.Unique("missing");
        _topics.WriteNumbers(_input, Partitions, 100);

        await using var worker = Worker(with: o => o with { InputTopics = [_input, missing] }).Start();
        await Wait.Until(() => worker.Acknowledged == 100);

        Assert.False(worker.Status.Ready);
        Assert.Equal([missing], worker.Status.MissingTopics);
        await worker.StopAsync();
    }
}
