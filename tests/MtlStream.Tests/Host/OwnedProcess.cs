using System.Diagnostics;

namespace MtlStream.Tests.Host;

/// <summary>A process that runs, and is killed with what it started when it is disposed before its end: a test that fails leaves none behind.</summary>
internal sealed class OwnedProcess : Process
{
    public OwnedProcess(ProcessStartInfo start)
    {
        StartInfo = start;
        Start();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && !HasExited) Kill(entireProcessTree: true);
        base.Dispose(disposing);
    }
}
