using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MtlStream.Host;

/// <summary>SIGINT, SIGTERM and SIGHUP: the first asks for an orderly end, the second ends the process at once with exit code 1.</summary>
internal sealed class StopSignals : IDisposable
{
    /// <summary>Within this time two signals are one: <c>timeout</c> and terminals may signal a process and its group.</summary>
    private static readonly TimeSpan s_sameSignal = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private long _first;
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private readonly PosixSignalRegistration _hangUp;

    public StopSignals()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal);
    }

    public CancellationToken Stopping => _stopping.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _hangUp.Dispose();
        _stopping.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        var first = Interlocked.CompareExchange(ref _first, Stopwatch.GetTimestamp(), 0);
        if (first != 0)
        {
            if (Stopwatch.GetElapsedTime(first) < s_sameSignal) return;
            Console.Error.WriteLine("mtlstream: second signal, ending without finishing what is in flight.");
            Environment.Exit(ExitCodes.Failed);
        }

        _stopping.Cancel();
    }
}
