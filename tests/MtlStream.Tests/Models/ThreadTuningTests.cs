using MtlStream.Onnx;

namespace MtlStream.Tests.Models;

public sealed class ThreadTuningTests
{
    private static readonly TimeSpan s_plenty = TimeSpan.FromMinutes(1);

    private readonly List<Way> _made = [];
    private readonly List<(int Threads, double Rate)> _tried = [];

    private sealed class Way(int threads) : IDisposable
    {
        public int Threads { get; } = threads;
        public bool Disposed { get; private set; }
        public void Dispose() => Disposed = true;
    }

    private Way Choose(Dictionary<int, double> rates, TimeSpan inAll) => ThreadTuning.Choose(
        [.. rates.Keys], Make, way => rates[way.Threads], (threads, rate) => _tried.Add((threads, rate)), inAll);

    private Way Make(int threads)
    {
        _made.Add(new(threads));
        return _made[^1];
    }

    [Theory]
    [InlineData(1, new[] { 1 })]
    [InlineData(2, new[] { 1, 2 })]
    [InlineData(16, new[] { 1, 2, 16 })]
    public void One_thread_two_and_all_cores_are_tried(int cores, int[] threads) => Assert.Equal(threads, ThreadTuning.Threads(cores));

    [Fact]
    public void The_fastest_stays_and_the_others_are_disposed()
    {
        var best = Choose(new() { [1] = 100, [2] = 150, [8] = 50 }, s_plenty);

        Assert.Equal(2, best.Threads);
        Assert.Equal([(1, 100d), (2, 150d), (8, 50d)], _tried);
        Assert.All(_made, way => Assert.Equal(way != best, way.Disposed));
    }

    [Fact]
    public void A_hardly_faster_way_does_not_replace_the_first()
    {
        var best = Choose(new() { [1] = 100, [2] = 105 }, s_plenty);

        Assert.Equal(1, best.Threads);
        Assert.True(_made[1].Disposed);
    }

    [Fact]
    public void When_time_is_up_nothing_more_is_tried()
    {
        var best = Choose(new() { [1] = 100, [2] = 200 }, TimeSpan.Zero);

        Assert.Equal(1, best.Threads);
        Assert.Equal([(1, 100d)], _tried);
    }

    [Fact]
    public void What_cannot_be_measured_is_disposed()
    {
        Assert.Throws<InvalidOperationException>(() => ThreadTuning.Choose([1], Make, _ => throw new InvalidOperationException(), (_, _) => { }, s_plenty));

        Assert.True(Assert.Single(_made).Disposed);
    }
}
