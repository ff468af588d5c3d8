using MtlStream.Delivery;

namespace MtlStream.Tests.Kafka;

/// <summary>Leaving a group whose brokers do not answer.</summary>
public sealed class GroupExitTests
{
    [Theory]
    [InlineData(DeliveryGuarantee.AtLeastOnce)]
    [InlineData(DeliveryGuarantee.ExactlyOnce)]
    public async Task Brokers_that_do_not_answer_are_not_waited_for_when_everything_is_committed(DeliveryGuarantee guarantee)
    {
        using var harness = new SessionHarness(guarantee);
        using var answers = new ManualResetEventSlim();
        harness.Consumer.Closing = answers.Wait;
        harness.Status.SetDisconnected();

        var closing = Task.Run(harness.Session.Close);
        while (!closing.IsCompleted)
        {
            harness.Time.Pass(TimeSpan.FromMilliseconds(100));
            await Task.WhenAny(closing, Task.Delay(10));
        }

        await closing;
        Assert.False(harness.Consumer.Disposed);
        answers.Set();
    }

    [Fact]
    public async Task Brokers_that_do_not_answer_are_waited_for_when_something_is_to_be_committed()
    {
        using var harness = SessionHarness.Start(DeliveryGuarantee.AtLeastOnce, events: 10);
        harness.Publish();
        harness.Producer!.Report(10);
        harness.Consumer.Closing = () =>
        {
            harness.Time.Pass(TimeSpan.FromMinutes(1)); // longer than it would wait
            var before = harness.Time.Asked;
            Assert.True(SpinWait.SpinUntil(() => harness.Time.Asked > before + 2, TimeSpan.FromMinutes(2))); // it looks, and goes on waiting
            harness.Status.SetConnected();
        };
        harness.Status.SetDisconnected();

        await Task.Run(harness.Session.Close);

        Assert.Equal(10, harness.Cluster.CommittedOf(0));
        Assert.True(harness.Consumer.Disposed);
    }
}
