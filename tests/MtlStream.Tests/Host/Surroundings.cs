using System.ComponentModel;
using System.Diagnostics;

namespace MtlStream.Tests.Host;

/// <summary>Marks a test that makes the root read-only for a process of its own; skipped where that is not allowed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ReadOnlyRootFactAttribute : FactAttribute
{
    public ReadOnlyRootFactAttribute()
    {
        if (!s_works) Skip = "This machine does not let a process of this user have a read-only root of its own.";
    }

    /// <summary>Starts what stands behind it.</summary>
    internal static string[] Command { get; } = ["unshare", "--mount", "sh", "-c", "mount -o remount,ro,bind / && exec \"$0\" \"$@\""];

    private static readonly bool s_works = Surroundings.Work(Command);
}

/// <summary>Marks a test that gives a process of its own a quarter of a core; skipped where that is not allowed.</summary>
/// <remarks>By a control group of version 2 or 1, as container engines do. The group stays when the process has ended, empty.</remarks>
[AttributeUsage(AttributeTargets.Method)]
public sealed class QuarterCoreFactAttribute : FactAttribute
{
    private const string Script = """
        set -e
        group=/sys/fs/cgroup/mtlstream-test-quarter
        if [ ! -f /sys/fs/cgroup/cgroup.controllers ]; then group=/sys/fs/cgroup/cpu/mtlstream-test-quarter; fi
        mkdir -p $group
        if [ -f $group/cpu.max ]; then echo 25000 100000 > $group/cpu.max; else echo 25000 > $group/cpu.cfs_quota_us; fi
        echo $$ > $group/cgroup.procs
        exec "$0" "$@"
        """;

    public QuarterCoreFactAttribute()
    {
        if (!s_works) Skip = "This machine does not let this user limit a process of its own to a quarter of a core.";
    }

    /// <summary>Starts what stands behind it.</summary>
    internal static string[] Command { get; } = ["sh", "-c", Script];

    private static readonly bool s_works = Surroundings.Work(Command);
}

internal static class Surroundings
{
    /// <summary>Whether a command that stands before another lets it run.</summary>
    public static bool Work(string[] before)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(before[0], [.. before.Skip(1), "true"]) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
