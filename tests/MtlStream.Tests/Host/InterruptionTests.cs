using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

/// <summary>Ctrl+C, as somebody presses it who is tired of waiting.</summary>
public sealed class InterruptionTests : IDisposable
{
    private const string Line = "mtlstream: stopped by a signal before the work was done.";

    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    private readonly ToyPackage _package = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-interrupted").FullName;
    private readonly TcpListener _silent = new(IPAddress.Loopback, 0); // takes connections, and never answers

    public InterruptionTests() => _silent.Start();

    public void Dispose()
    {
        _silent.Dispose();
        _package.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("bench kafka --bootstrap BROKER --input INPUT --model MODEL --device cpu")]
    [InlineData("dead-letters list SETTINGS")]
    [InlineData("doctor SETTINGS --Model:Path=MODEL --Model:Device=cpu")]
    public async Task A_command_that_waits_for_a_broker_ends_with_one_line(string command)
    {
        using var process = Start(command);
        using var connection = await _silent.AcceptTcpClientAsync().WaitAsync(s_deadline);

        Cli.Signal(process, "INT");

        await EndsAsync(process);
    }

    [Theory]
    [InlineData("tokenize - --model MODEL")]
    [InlineData("bench pipeline --input INPUT --seconds 600 --model MODEL --device cpu")]
    public async Task A_command_in_the_middle_of_its_work_ends_with_one_line(string command)
    {
        using var process = Start(command);
        if (command.StartsWith("tokenize", StringComparison.Ordinal))
        {
            await process.StandardInput.WriteAsync("{\"text\": \"good\"}\n");
            await process.StandardInput.FlushAsync();
            await process.StandardOutput.ReadLineAsync().WaitAsync(s_deadline);
        }
        else
        {
            await MapsAsync(process, "onnxruntime");
        }

        Cli.Signal(process, "INT");

        await EndsAsync(process);
    }

    [Fact]
    public async Task Teaching_ends_with_one_line_and_leaves_no_package()
    {
        var (data, package) = (Path.Combine(_folder, "data.csv"), Path.Combine(_folder, "taught"));
        await File.WriteAllLinesAsync(data, Enumerable.Range(0, 4000).Select(i => $"the good cat {i},{(i % 2 == 0 ? "a" : "b")}").Prepend("text,label"));
        using var process = Start($"teach --task size --data {data} --out {package}"); // with the shipped model
        string? line;
        do line = await process.StandardError.ReadLineAsync().WaitAsync(s_deadline);
        while (line is not null && !line.Contains("encode", StringComparison.Ordinal));

        Cli.Signal(process, "INT");

        await EndsAsync(process);
        Assert.False(Directory.Exists(package));
    }

    private static async Task EndsAsync(Process process)
    {
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(s_deadline);
        await output;
        Assert.Equal(Line, (await error).TrimEnd('\n').Split('\n')[^1]);
        Assert.Equal(1, process.ExitCode);
        Assert.DoesNotContain("   at ", await error, StringComparison.Ordinal);
    }

    /// <summary>Waits until it has loaded a library.</summary>
    private static async Task MapsAsync(Process process, string library)
    {
        var until = Stopwatch.StartNew();
        while (!(await File.ReadAllTextAsync($"/proc/{process.Id}/maps")).Contains(library, StringComparison.Ordinal))
        {
            Assert.True(until.Elapsed < s_deadline);
            await Task.Delay(20);
        }
    }

    private Process Start(string command)
    {
        var input = Path.Combine(_folder, "input.jsonl");
        File.WriteAllText(input, "{\"text\": \"good\"}\n");
        var broker = $"127.0.0.1:{((IPEndPoint)_silent.LocalEndpoint).Port}";
        var settings = $"--Kafka:BootstrapServers={broker} --Kafka:InputTopics:0=in --Kafka:OutputTopic=out --Kafka:DeadLetterTopic=dead --Http:Url=off";
        var filled = command
            .Replace("SETTINGS", settings, StringComparison.Ordinal).Replace("BROKER", broker, StringComparison.Ordinal)
            .Replace("INPUT", input, StringComparison.Ordinal).Replace("MODEL", _package.Folder, StringComparison.Ordinal);
        return Cli.Start(filled.Split(' '));
    }
}
