using Microsoft.Extensions.Time.Testing;

namespace MtlStream.Tests.Doubles;

internal static class FakeTime
{
    /// <summary>Lets time pass in steps until something has happened. Whoever waits meanwhile may begin at any moment.</summary>
    public static async Task PassUntilAsync(this FakeTimeProvider time, TimeSpan step, Task happened)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!happened.IsCompleted)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromMinutes(2), "Nothing happened within two minutes of real time.");
            time.Advance(step);
            await Task.Yield();
        }
    }
}

/// <summary>Says when half of the time to drain has begun.</summary>
internal sealed class DrainTime(TimeSpan half) : FakeTimeProvider
{
    public TaskCompletionSource Draining { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime == half) Draining.TrySetResult();
        return timer;
    }
}
