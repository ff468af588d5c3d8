using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using MtlStream.Tests;

namespace MtlStream.IntegrationTests.Kafka;

/// <summary>A real <c>mtlstream run</c>, with a model that gives every text the same labels.</summary>
internal sealed partial class WorkerProcess : IDisposable
{
    private const int HangUp = 1, Kill = 9, Terminate = 15, Continue = 18, Stop = 19;

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private volatile Uri? _health;
    private volatile bool _disposed;
    private volatile int _logged;
    private int? _exitCode;

    private WorkerProcess(Process process) => _process = process;

    /// <summary>A package small enough to reason about, with a graph that runs.</summary>
    public static string ToyModel { get; } = FindToyModel();

    /// <summary>What it logged, newest last, as much as is kept.</summary>
    public string Log => string.Join('\n', _lines);

    /// <summary>Most memory that it has had at once, in bytes (<c>VmHWM</c> of the kernel); 0 when it has ended.</summary>
    public long PeakBytes
    {
        get
        {
            var status = HasExited ? [] : File.ReadAllLines($"/proc/{_process.Id}/status");
            var peak = status.FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            return peak is null ? 0 : 1024 * long.Parse(peak.Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Where it is asked; null before it said so.</summary>
    public Uri? Address => _health;

    /// <summary>How many lines it has logged.</summary>
    public int Lines => _logged;

    public bool HasExited => _disposed || _process.HasExited;

    public int ExitCode => _exitCode ?? _process.ExitCode;

    public static WorkerProcess Start(
        IEnumerable<KeyValuePair<string, string>> settings, string? model = null, IReadOnlyDictionary<string, string>? environment = null,
        string listen = "http://127.0.0.1:0")
    {
        var program = Environment.GetEnvironmentVariable("MTLSTREAM_TEST_PROGRAM") is { Length: > 0 } named ? named : Path.Combine(AppContext.BaseDirectory, "mtlstream");
        var start = new ProcessStartInfo(HangUpIsIgnored() ? "env" : program)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = AppContext.BaseDirectory,
        };
        start.Environment["LC_ALL"] = TestCulture.Locale;
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        if (HangUpIsIgnored())
        {
            start.ArgumentList.Add("--default-signal=HUP");
            start.ArgumentList.Add(program);
        }

        start.ArgumentList.Add("run");
        foreach (var (key, value) in settings) start.ArgumentList.Add($"--{key}={value}");
        start.ArgumentList.Add($"--Http:Url={listen}");
        start.ArgumentList.Add(model is null ? "--Model:ConstantLabels=true" : $"--Model:Path={model}");

        var worker = new WorkerProcess(new() { StartInfo = start });
        worker._process.OutputDataReceived += (_, line) => worker.Note(line.Data);
        worker._process.ErrorDataReceived += (_, line) => worker.Note(line.Data);
        worker._process.Start();
        worker._process.BeginOutputReadLine();
        worker._process.BeginErrorReadLine();
        return worker;
    }

    /// <summary>Whether this process ignores SIGHUP, as under nohup: what it starts would, too.</summary>
    private static bool HangUpIsIgnored()
    {
        const string Ignored = "SigIgn:";
        var mask = File.ReadLines("/proc/self/status").First(l => l.StartsWith(Ignored, StringComparison.Ordinal))[Ignored.Length..];
        return (ulong.Parse(mask.AsSpan().Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 1) != 0;
    }

    /// <summary>Whether <c>/health/ready</c> says so.</summary>
    public bool IsReady() => Answers("/health/ready");

    /// <summary>The body of what <c>/health/ready</c> answers; null when nobody answers.</summary>
    public string? ReadyBody() => Ask("/health/ready")?.Body;

    public bool IsLive() => Answers("/health/live");

    /// <summary>Stops it as an orchestrator does, and expects that it ends well.</summary>
    public async Task StopAsync()
    {
        SendTerminate();
        Assert.True(await EndedAsync() == 0, Log);
    }

    public void SendTerminate() => Signal(Terminate);

    public void SendHangUp() => Signal(HangUp);

    public void SendKill() => Signal(Kill);

    public void Freeze() => Signal(Stop);

    public void Thaw() => Signal(Continue);

    /// <summary>Waits for the end of the process and gives its exit code.</summary>
    public async Task<int> EndedAsync(TimeSpan? deadline = null)
    {
        await Wait.Until(() => HasExited, deadline, () => Log);
        return ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Signal(Continue);
            Signal(Kill);
            _process.WaitForExit();
        }

        lock (_lines)
        {
            _disposed = true;
            _exitCode = _process.HasExited ? _process.ExitCode : null;
            _process.Dispose();
        }
    }

    private bool Answers(string path) => Ask(path) is { Ok: true };

    private (bool Ok, string Body)? Ask(string path)
    {
        if (_health is not { } address) return null;
        try
        {
            using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            using var answer = client.Send(new(HttpMethod.Get, new Uri(address, path)));
            using var reader = new StreamReader(answer.Content.ReadAsStream());
            return (answer.IsSuccessStatusCode, reader.ReadToEnd());
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException) // refused, or too slow
        {
            return null;
        }
    }

    private void Note(string? line)
    {
        if (line is null) return;
        _lines.Enqueue(line);
        Interlocked.Increment(ref _logged);
        while (_lines.Count > 300) _lines.TryDequeue(out _);
        if (HealthAddress().Match(line) is { Success: true } match) _health = new(match.Groups[1].Value);
    }

    // One that was killed and disposed while something else had it frozen is left alone: its number may be another's by now.
    private void Signal(int signal)
    {
        lock (_lines)
        {
            if (!_disposed && !_process.HasExited) _ = kill(_process.Id, signal);
        }
    }

    private static string FindToyModel()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "MtlStream.sln"))) root = root.Parent!;
        return Path.Combine(root.FullName, "tests", "MtlStream.Tests", "Models", "toy-model");
    }

    [GeneratedRegex("Health endpoints at (http://[^ ]*?)health/startup")]
    private static partial Regex HealthAddress();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int process, int signal);
}
