using Confluent.Kafka;
using FsCheck;
using FsCheck.Fluent;
using MtlStream.Delivery;

namespace MtlStream.Tests.Kafka;

/// <summary>What may befall a session, one thing after the other.</summary>
internal enum Step
{
    Write,
    Round,
    Publish,
    PublishLast,
    ReportWell,
    ReportGivenUp,
    ReportTooLarge,
    ClientFull,
    Assign,
    Revoke,
    Lose,
    TakeAway,
    OthersWork,
    CommitStored,
    CommitTimesOut,
    CommitTimesOutDone,
    Fence,
    FailAbortably,
    AskingFails,
    ConsumerFails,
    InputMadeAgain,
    OutputMadeAgain,
    PassTime,
}

/// <summary>The session as a state machine: whatever befalls it, what is committed is durable, and it goes on.</summary>
public sealed class SessionProperties
{
    private const int Partitions = 3;
    private static readonly FsCheck.Config s_thorough = FsCheck.Config.QuickThrowOnFailure.WithMaxTest(Runs);

    private static int Runs => int.TryParse(Environment.GetEnvironmentVariable("MTLSTREAM_SESSION_RUNS"), out var runs) ? runs : 300;

    private static Gen<(Step Step, int Size)[]> Steps =>
        Gen.Frequency(
                (6, Gen.Elements(Step.Round, Step.Publish, Step.ReportWell, Step.Write)),
                (1, Gen.Elements(Enum.GetValues<Step>())))
            .Zip(Gen.Choose(0, 7)).ArrayOf();

    [Fact]
    public void At_least_once_what_is_committed_is_durable_and_nothing_hangs() =>
        Check.One(s_thorough, Prop.ForAll(Steps.ToArbitrary(), steps => Run(DeliveryGuarantee.AtLeastOnce, steps)));

    [Fact]
    public void Exactly_once_what_is_committed_is_what_readers_see_once_and_nothing_hangs() =>
        Check.One(s_thorough, Prop.ForAll(Steps.ToArbitrary(), steps => Run(DeliveryGuarantee.ExactlyOnce, steps)));

    private static bool Run(DeliveryGuarantee guarantee, (Step Step, int Size)[] steps)
    {
        var time = new ManualTime();
        var cluster = new FakeCluster(time, Partitions);
        var harness = Start(guarantee, cluster, time);
        for (var partition = 0; partition < Partitions; partition++) cluster.Write(partition, 5);
        foreach (var (step, size) in steps) Survive(step, size);
        cluster.Calls.Clear();
        while (harness.Consumer.Happens.Count > 0) Survive(Step.Round, 0); // what was announced happens
        for (var i = 0; i < 3; i++) Survive(Step.Round, 0); // and shows
        Heal(guarantee, harness);
        harness.Session.Close();
        AssertSound(guarantee, cluster);
        for (var partition = 0; partition < Partitions; partition++) Assert.Equal(cluster.EventsOf(partition), cluster.CommittedOf(partition));
        harness.Dispose();
        return true;

        void Survive(Step step, int size)
        {
            try
            {
                Take(step, size, harness);
            }
            catch (IOException failure)
            {
                // The run ends, as it should after being fenced twice; the next one goes on.
                harness.Session.CloseAfterFailure(failure);
                harness.Dispose();
                harness = Start(guarantee, cluster, time);
            }

            AssertSound(guarantee, cluster);
        }
    }

    private static SessionHarness Start(DeliveryGuarantee guarantee, FakeCluster cluster, ManualTime time)
    {
        var harness = new SessionHarness(guarantee, cluster, time: time);
        harness.OnWait = () => harness.Producer?.Report(1);
        harness.Consumer.Happens.Enqueue(_ => harness.Consumer.Assign([0, 1, 2]));
        return harness;
    }

    private static void Take(Step step, int size, SessionHarness harness)
    {
        var cluster = harness.Cluster;
        var partition = size % Partitions;
        switch (step)
        {
            case Step.Write: cluster.Write(partition, size); break;
            case Step.Round: harness.Round(1 + size / 4); break;
            case Step.Publish: harness.Publish(1 + size); break;
            case Step.PublishLast: if (harness.Guarantee == DeliveryGuarantee.AtLeastOnce) harness.PublishLast(); break;
            case Step.ReportWell: harness.Producer?.Report(1 + size); break;
            case Step.ReportGivenUp: harness.Producer?.Report(1, ErrorCode.LogDirNotFound); break;
            case Step.ReportTooLarge: harness.Producer?.Report(1, ErrorCode.MsgSizeTooLarge); break;
            case Step.ClientFull: harness.Producer?.Refusals.Enqueue(ErrorCode.Local_QueueFull); break;
            case Step.Assign: Happen(() => harness.Consumer.Assign([.. Gone(harness).Take(1 + size % 2)])); break;
            case Step.Revoke: Happen(() => harness.Consumer.Revoke([.. harness.Consumer.Assigned.Take(1 + size % 3)])); break;
            case Step.Lose: Happen(() => Lose(harness, size)); break;
            case Step.TakeAway: cluster.TakeAway(harness.Consumer.Assigned.Take(1 + size % 3)); break;
            case Step.OthersWork: cluster.OthersWork(1 + size); break;
            case Step.CommitStored: harness.Consumer.CommitStored(); break;
            case Step.CommitTimesOut: cluster.Calls.Enqueue(CallEnds.TimedOut); break;
            case Step.CommitTimesOutDone: cluster.Calls.Enqueue(CallEnds.TimedOutDone); break;
            case Step.Fence: cluster.Calls.Enqueue(CallEnds.Fenced); break;
            case Step.FailAbortably: cluster.Calls.Enqueue(CallEnds.Abortable); break;
            case Step.AskingFails: harness.Consumer.AskingFails.Enqueue(new(ErrorCode.Local_TimedOut)); break;
            case Step.ConsumerFails: harness.Consumer.Happens.Enqueue(events => events.Failed(new(ErrorCode.Local_Fatal, "broken", true))); break;
            case Step.InputMadeAgain: MakeInputAgain(harness, size); break;
            case Step.OutputMadeAgain: cluster.MakeAgain(size % 2 == 0 ? FakeCluster.Results : FakeCluster.Letters); break;
            case Step.PassTime: harness.Time.Pass(TimeSpan.FromSeconds(0.1 * (1 << size))); break;
        }

        void Happen(Action what) => harness.Consumer.Happens.Enqueue(_ => what());
    }

    // It is noticed at once: what is committed before is put right, but is not sound meanwhile.
    private static void MakeInputAgain(SessionHarness harness, int size)
    {
        harness.Cluster.MakeAgain(FakeCluster.Input);
        harness.Cluster.Write(size % Partitions, size);
        harness.Round();
    }

    private static void Lose(SessionHarness harness, int size)
    {
        harness.Cluster.TakeAway(harness.Consumer.Assigned.Take(1 + size % 3));
        harness.Consumer.Lose();
    }

    private static List<int> Gone(SessionHarness harness) => [.. Enumerable.Range(0, Partitions).Except(harness.Consumer.Assigned)];

    /// <summary>Nothing fails any more: within a bounded number of rounds everything is committed.</summary>
    private static void Heal(DeliveryGuarantee guarantee, SessionHarness harness)
    {
        var cluster = harness.Cluster;
        harness.Time.Pass(TimeSpan.FromMinutes(5));
        for (var round = 0; round < 300; round++)
        {
            if (round == 5)
            {
                // Whatever was announced before has happened: the group and the member agree again.
                harness.Consumer.AskingFails.Clear();
                harness.Consumer.Happens.Enqueue(_ => harness.Consumer.Assign([])); // tells of what was taken away
                harness.Consumer.Happens.Enqueue(_ => harness.Consumer.Assign(Gone(harness)));
            }

            harness.Round();
            harness.Publish();
            harness.Producer?.Refusals.Clear();
            harness.Producer?.Report(int.MaxValue);
            if (guarantee == DeliveryGuarantee.AtLeastOnce) harness.Consumer.CommitStored();
            harness.Time.Pass(TimeSpan.FromSeconds(1));
            AssertSound(guarantee, cluster);
            if (round > 10 && Enumerable.Range(0, Partitions).All(p => cluster.CommittedOf(p) == cluster.EventsOf(p))) return;
        }

        Assert.Fail($"Committed {string.Join(", ", Enumerable.Range(0, Partitions).Select(p => $"{cluster.CommittedOf(p)} of {cluster.EventsOf(p)}"))}.");
    }

    private static void AssertSound(DeliveryGuarantee guarantee, FakeCluster cluster)
    {
        var seen = cluster.Visible.Where(v => v.Topic != FakeCluster.Review).ToLookup(v => v.Partition, v => v.Offset);
        for (var partition = 0; partition < Partitions; partition++)
        {
            var offsets = seen[partition].ToList();
            var committed = cluster.CommittedOf(partition);
            for (long offset = 0; offset < committed; offset++) Assert.Contains(offset, offsets);
            if (guarantee == DeliveryGuarantee.ExactlyOnce) Assert.Equal(Enumerable.Range(0, (int)committed).Select(o => (long)o), offsets.Order());
        }
    }
}
