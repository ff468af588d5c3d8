using MtlStream.Serving;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

public sealed class TemporaryFolderTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Theory]
    [InlineData("run", "/nowhere", 2, "The temporary folder /nowhere/ cannot be used: there is no such folder. Expected one for copies of models: set TMPDIR")]
    [InlineData("run", "/dev/null", 2, "The temporary folder /dev/null/ cannot be used: there is no such folder.")]
    [InlineData("run", "/proc", 2, "The temporary folder /proc/ cannot be used: ")]
    [InlineData("doctor", "/nowhere", 1, "failure temporary The temporary folder /nowhere/ cannot be used: there is no such folder.")]
    public async Task A_temporary_folder_that_takes_no_copy_is_named_with_what_to_do(string command, string folder, int code, string message)
    {
        string[] settings =
        [
            "--Kafka:BootstrapServers=127.0.0.1:1", "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead",
            "--Http:Url=off", $"--Model:Path={_package.Folder}", "--Model:Device=cpu",
        ];
        using var process = new OwnedProcess(new("env", [$"TMPDIR={folder}", Cli.Program, command, .. settings])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        });
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(3));
        await process.WaitForExitAsync();

        Assert.Equal(code, process.ExitCode);
        var line = Assert.Single((output + await error).Split('\n'), l => l.Contains("temporary folder", StringComparison.Ordinal));
        Assert.Contains(message, line, StringComparison.Ordinal);
        Assert.Contains("set TMPDIR to a folder", line, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output + await error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_temporary_folder_without_room_is_told_before_it_is_full()
    {
        Assert.Null(TemporaryFolder.Problem(1));
        Assert.Contains(" MB of room, expected 1099511627776 MB for copies of models: make room", TemporaryFolder.Problem(1L << 60), StringComparison.Ordinal);
    }

    [Fact]
    public void A_disk_that_fills_up_is_the_temporary_folders_and_other_errors_are_their_own()
    {
        var full = TemporaryFolder.Explained(new IOException("No space left on device : '/tmp/x/y'", 28));
        var other = new IOException("x is being used by another process.");

        Assert.Contains("is full. Expected room", full.Message, StringComparison.Ordinal);
        Assert.Same(other, TemporaryFolder.Explained(other));
    }
}
