namespace MtlStream.Learning.Training;

/// <summary>Jobs that each take one core, as many at a time as there are cores.</summary>
internal static class SideBySide
{
    /// <exception cref="OperationCanceledException">Cancelled before all were done.</exception>
    public static void Run(int jobs, Action<int> job, CancellationToken cancelled)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancelled };
        Parallel.For(0, jobs, options, job);
    }

    /// <summary>What each job gives, in their order.</summary>
    public static T[] Run<T>(int jobs, Func<int, T> job, CancellationToken cancelled)
    {
        var results = new T[jobs];
        Run(jobs, (int i) => { results[i] = job(i); }, cancelled);
        return results;
    }
}
