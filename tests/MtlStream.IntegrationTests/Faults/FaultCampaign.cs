using System.Globalization;
using Confluent.Kafka;
using MtlStream.IntegrationTests.Kafka;

namespace MtlStream.IntegrationTests.Faults;

/// <summary>Kinds of faults, as the results table names them.</summary>
internal enum Fault
{
    WorkerKilled,
    WorkerTerminated,
    WorkerFrozen,
    WorkerStarved,
    WorkersChanged,
    BrokerKilled,
    LeadersMoved,
    NetworkCut,
    NetworkHung,
}

/// <summary>How large a campaign is, and what it is about.</summary>
/// <param name="Protocol">Of the consumer group: <c>classic</c> or <c>consumer</c>.</param>
/// <param name="Time">How long writing the events takes; the faults come as they are processed, on a slow machine later than on a fast one.</param>
/// <param name="Kills">How often a worker is killed, at least.</param>
/// <param name="Alone">The only kind of fault, <paramref name="Kills"/> times; null for all kinds together.</param>
internal sealed record CampaignPlan(string Guarantee, string Protocol, int Seed, int Events, TimeSpan Time, int Kills, Fault? Alone = null);

/// <summary>One campaign: three brokers behind proxies, workers as processes, faults at moments that the seed decides.</summary>
internal sealed class FaultCampaign : IDisposable
{
    private const int Nodes = 3;
    private const int Partitions = 8;
    private const int MostWorkers = 4;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    private readonly CampaignPlan _plan;
    private readonly Random _random;
    private readonly TimeSpan _sessionTimeout;
    private readonly RealKafka _kafka;
    private readonly List<LoopbackProxy> _proxies = [];
    private readonly WorkerPool _workers;
    private readonly string _group = Topics.Unique("group");
    private readonly Action<string> _say;
    private readonly SemaphoreSlim _brokers = new(1); // one broker down at a time: a majority stays
    private readonly CancellationTokenSource _stopping = new();

    public FaultCampaign(CampaignPlan plan, Action<string> say)
    {
        (_plan, _say, _random) = (plan, say, new(plan.Seed));
        _sessionTimeout = TimeSpan.FromSeconds(plan.Protocol == "consumer" ? 10 : 6); // brokers take no less than 5 s for a heartbeat of the consumer protocol
        _workers = new(() => WorkerProcess.Start(Settings()));
        var port = RealKafka.FreePort();
        // The generator and the verifier come by the brokers' own listener: they are no part of what is tested.
        Inside = string.Join(',', Enumerable.Range(port + 300, Nodes).Select(p => $"127.0.0.1:{p}"));
        _kafka = RealKafka.Start(Nodes, port: port, advertised: port + 400);
        try
        {
            for (var node = 0; node < Nodes; node++) _proxies.Add(new(port + 400 + node, port + node));
            using (var topics = new Topics(Inside)) topics.Create(["input", "output", "letters"], Partitions);
            if (plan.Protocol == "consumer") SetSessionTimeoutOfGroup();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Dictionary<Fault, int> Faults { get; } = [];

    public IReadOnlyDictionary<int, int> Exits => _workers.Exits;

    public int WorkersStarted => _workers.Started;

    public string WorkerLog => _workers.Log;

    private string Inside { get; }

    public async Task<Account> RunAsync()
    {
        _say($"seed {_plan.Seed}: {_plan.Guarantee}, {_plan.Protocol}, {_plan.Events} events over {_plan.Time}{(_plan.Alone is { } fault ? $", {fault} alone" : "")}");
        _workers.SetWanted(2);
        var writing = Task.Run(() => NumberedEvents.WriteAsync(Inside, "input", Partitions, _plan.Events, _plan.Time, _stopping.Token));
        var tending = Task.Run(TendAsync);
        using var topics = new Topics(Inside);
        await InjectAsync(topics);
        await writing;
        _say("all events written, faults over; waiting for the rest");
        Heal();

        await AwaitCommittedAsync(topics, _plan.Events);
        await _stopping.CancelAsync();
        await tending;
        await _workers.StopAsync();
        return NumberedEvents.Verify(Inside, "output", "letters", _plan.Events);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _workers.Dispose();
        foreach (var proxy in _proxies) proxy.Dispose();
        _kafka.Dispose();
        _stopping.Dispose();
        _brokers.Dispose();
    }

    private Dictionary<string, string> Settings()
    {
        var settings = new Dictionary<string, string>
        {
            ["Kafka:BootstrapServers"] = _kafka.BootstrapServers,
            ["Kafka:GroupId"] = _group,
            ["Kafka:InputTopics:0"] = "input",
            ["Kafka:OutputTopic"] = "output",
            ["Kafka:DeadLetterTopic"] = "letters",
            ["Delivery:Guarantee"] = _plan.Guarantee,
            ["Delivery:CommitInterval"] = "00:00:00.200",
            ["Delivery:DrainTimeout"] = "00:00:10",
        };
        if (_plan.Protocol == "consumer") (settings["Kafka:Consumer:group.protocol"], settings["Kafka:Consumer:max.poll.interval.ms"]) = ("consumer", "60000");
        else settings["Kafka:Consumer:session.timeout.ms"] = Milliseconds(_sessionTimeout);
        return settings;
    }

    // With the consumer protocol it is the brokers' business, 45 s unless the group has one of its own.
    private void SetSessionTimeoutOfGroup() => _kafka.Command(
        "run", "--", "kafka.admin.ConfigCommand", "--bootstrap-server", Inside, "--alter", "--entity-type", "groups", "--entity-name", _group,
        "--add-config", $"consumer.session.timeout.ms={Milliseconds(_sessionTimeout)}");

    private static string Milliseconds(TimeSpan time) => time.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture);

    /// <summary>Waits until that many events are committed; fails when nothing moves for minutes.</summary>
    private async Task AwaitCommittedAsync(Topics topics, long events)
    {
        for (long before = -1, committed = 0; committed < events; before = committed)
        {
            await Wait.Until(() => (committed = CommittedOf(topics)) > before, s_patience, () => _workers.Log);
            if (committed < events) await Task.Delay(200);
        }
    }

    private long CommittedOf(Topics topics)
    {
        try
        {
            return topics.Committed(_group, "input", Partitions).Sum(o => Math.Max(0, o));
        }
        catch (KafkaException)
        {
            return -1; // a broker is down, the group's coordinator moves: asked again
        }
    }

    private async Task TendAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            _workers.Tend();
            await Task.Delay(200);
        }
    }

    /// <summary>The faults of the plan, in an order, at shares of the work done and of lengths that the seed decides.</summary>
    private async Task InjectAsync(Topics topics)
    {
        var faults = new List<Fault>(Enumerable.Repeat(_plan.Alone ?? Fault.WorkerKilled, _plan.Kills));
        foreach (var other in Enum.GetValues<Fault>().Where(f => f != Fault.WorkerKilled && _plan.Alone is null))
            faults.AddRange(Enumerable.Repeat(other, Math.Max(1, _plan.Kills / 5)));
        var shuffled = faults.ToArray();
        _random.Shuffle(shuffled);
        var moments = shuffled.Select(_ => (long)(_plan.Events * (0.02 + (0.93 * _random.NextDouble())))).Order().ToArray();

        var started = TimeProvider.System.GetTimestamp();
        var running = new List<Task>();
        for (var i = 0; i < shuffled.Length; i++)
        {
            await AwaitCommittedAsync(topics, moments[i]);
            _say($"{TimeProvider.System.GetElapsedTime(started):mm\\:ss} {shuffled[i]}, {moments[i]} events committed");
            Faults[shuffled[i]] = Faults.GetValueOrDefault(shuffled[i]) + 1;
            running.Add(InjectAsync(shuffled[i], new(_random.Next())));
        }

        await Task.WhenAll(running);
    }

    private async Task InjectAsync(Fault fault, Random random)
    {
        var worker = _workers.Any(random);
        switch (fault)
        {
            case Fault.WorkerKilled: worker?.SendKill(); break;
            case Fault.WorkerTerminated: worker?.SendTerminate(); break;
            case Fault.WorkerFrozen:
                worker?.Freeze();
                await Task.Delay(_sessionTimeout + TimeSpan.FromSeconds(1 + 4 * random.NextDouble()));
                worker?.Thaw();
                break;
            case Fault.WorkerStarved: await StarveAsync(worker); break;
            case Fault.WorkersChanged: await ChangeWorkersAsync(random); break;
            case Fault.BrokerKilled: await KillBrokerAsync(random.Next(1, Nodes + 1), TimeSpan.FromSeconds(2 + 6 * random.NextDouble())); break;
            case Fault.LeadersMoved: await MoveLeadersAsync(); break;
            case Fault.NetworkCut or Fault.NetworkHung:
                var proxies = random.Next(2) == 0 ? _proxies : [_proxies[random.Next(Nodes)]];
                foreach (var proxy in proxies) (fault == Fault.NetworkCut ? (Action)proxy.Refuse : proxy.Hang)();
                await Task.Delay(TimeSpan.FromSeconds(1 + 9 * random.NextDouble()));
                foreach (var proxy in proxies) proxy.Restore();
                break;
        }
    }

    /// <summary>Lets a worker run for a tenth of the time only: whatever it does is slow.</summary>
    private static async Task StarveAsync(WorkerProcess? worker)
    {
        for (var i = 0; i < 40 && worker is { HasExited: false }; i++)
        {
            worker.Freeze();
            await Task.Delay(90);
            worker.Thaw();
            await Task.Delay(10);
        }
    }

    private async Task ChangeWorkersAsync(Random random)
    {
        var wanted = random.Next(1, MostWorkers + 1);
        var fewer = _workers.Wanted - wanted;
        _workers.SetWanted(wanted);
        for (; fewer > 0; fewer--) _workers.Any(random)?.SendTerminate();
        await Task.CompletedTask;
    }

    private async Task KillBrokerAsync(int node, TimeSpan down)
    {
        await _brokers.WaitAsync();
        try
        {
            _kafka.Command("kill", $"{node}");
            await Task.Delay(down);
            await Task.Run(() => _kafka.Command("restart", $"{node}"));
        }
        finally
        {
            _brokers.Release();
        }
    }

    private async Task MoveLeadersAsync()
    {
        await _brokers.WaitAsync();
        try
        {
            await Task.Run(() => _kafka.Command("leaders", "--", "--election-type", "preferred", "--all-topic-partitions"));
        }
        catch (InvalidOperationException exception)
        {
            _say($"leaders not moved: {exception.Message.Split('\n')[^2]}"); // a broker is still catching up
        }
        finally
        {
            _brokers.Release();
        }
    }

    private void Heal()
    {
        foreach (var proxy in _proxies) proxy.Restore();
        if (_workers.Wanted < 2) _workers.SetWanted(2);
    }
}
