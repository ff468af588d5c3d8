using System.Diagnostics;

namespace MtlStream.Onnx;

/// <summary>Finds out by measuring how the cores are best shared out: many calls of one thread, or fewer of several.</summary>
internal static class ThreadTuning
{
    /// <summary>Tokens of a sequence that is scored on trial: a short text.</summary>
    public const int Length = 32;

    /// <summary>How long each way is measured.</summary>
    public static readonly TimeSpan Each = TimeSpan.FromMilliseconds(200);

    /// <summary>No further way is tried after this long, sessions opened for it included.</summary>
    public static readonly TimeSpan InAll = TimeSpan.FromSeconds(1.2);

    // Rates of a fifth of a second differ by a few percent from one to the next.
    private const double ClearlyFaster = 1.1;

    /// <summary>Threads of one call that are tried, the likeliest first: one, two, and all cores.</summary>
    public static IReadOnlyList<int> Threads(int cores) => [.. new[] { 1, 2, cores }.Where(t => t <= cores).Distinct()];

    /// <summary>The first way, unless one after it is clearly faster. The others are disposed.</summary>
    /// <param name="make">Makes the model with so many threads a call.</param>
    /// <param name="rate">Sequences per second.</param>
    /// <param name="tried">Gets each way's threads and rate.</param>
    public static T Choose<T>(IReadOnlyList<int> threads, Func<int, T> make, Func<T, double> rate, Action<int, double> tried, TimeSpan inAll)
        where T : class, IDisposable
    {
        var started = Stopwatch.GetTimestamp();
        var (best, highest) = (default(T), 0d);
        foreach (var count in threads)
        {
            if (best is not null && Stopwatch.GetElapsedTime(started) >= inAll) break;
            var model = make(count);
            try
            {
                var found = rate(model);
                tried(count, found);
                if (best is not null && found < ClearlyFaster * highest) continue;
                (best, model) = (model, best); // the one before is disposed
                highest = found;
            }
            finally
            {
                model?.Dispose(); // the slower of the two
            }
        }

        return best ?? throw new ArgumentException("no way to try", nameof(threads));
    }
}
