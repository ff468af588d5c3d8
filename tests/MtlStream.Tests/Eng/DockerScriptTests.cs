namespace MtlStream.Tests.Eng;

/// <summary>How <c>.ci/run</c> comes by a Docker Engine, and that it fails nothing where there is none.</summary>
public sealed class DockerScriptTests : IDisposable
{
    private const string Engine = """
        case "$1" in
          version) echo 1.41 ;;
          ps) echo 0123456789ab ;;
        esac
        """;

    private readonly ScriptSandbox _sandbox = new();

    public DockerScriptTests() => _sandbox.Fake("dotnet", $"""
        [ "$1" = test ] || exit 0
        echo "$MTLSTREAM_TEST_DOCKER $DOCKER_API_VERSION" >> docker.named
        mkdir -p {_sandbox.Checkout}/artifacts/test-results
        echo '<Counters total="1" executed="1" passed="1" failed="0" error="0" timeout="0" aborted="0" />' > {_sandbox.Checkout}/artifacts/test-results/0.trx
        """);

    [Fact]
    public async Task The_tests_are_told_of_an_engine_that_runs_and_what_they_leave_is_removed()
    {
        _sandbox.Fake("docker", Engine);

        var outcome = await RunAsync();

        Assert.Matches(@"^ci-\d+ 1\.41$", Named());
        var run = Named().Split(' ')[0];
        Assert.Contains($"ps -aq --filter label=mtlstream.test={run}", _sandbox.Calls("docker"));
        Assert.Equal("rm -f 0123456789ab", _sandbox.Calls("docker")[^1]);
        Assert.DoesNotContain("containers are skipped", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_engine_and_a_script_that_starts_one_the_tests_are_skipped()
    {
        var outcome = await RunAsync();

        Assert.Equal(" ", Named());
        Assert.Contains("no Docker Engine here and none to start; the tests with containers are skipped", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("exit 1", "exit 1", "the Docker Engine did not start")]
    [InlineData("exit 0", "[ \"$1\" != image ] && [ \"$1\" != run ]", "no container of apache/kafka:4.3.1 can be run")]
    [InlineData("sleep 600", "exit 1", "the Docker Engine takes too long")]
    public async Task An_engine_that_cannot_be_had_fails_nothing(string engine, string docker, string said)
    {
        _sandbox.Fake("docker", docker);
        _sandbox.Beside("shared/docker/engine.sh", engine);

        var outcome = await RunAsync();

        Assert.Equal(" ", Named());
        Assert.Contains(said, outcome.Error, StringComparison.Ordinal);
        Assert.Contains("the tests with containers are skipped", outcome.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _sandbox.Dispose();

    private async Task<ScriptSandbox.Outcome> RunAsync()
    {
        var outcome = await _sandbox.RunAsync(".ci/run", [], ("MTLSTREAM_DOCKER_SECONDS", "2"));
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.EndsWith("1 passed, 0 failed\n", outcome.Output, StringComparison.Ordinal);
        return outcome;
    }

    /// <summary>What the test run found in <c>MTLSTREAM_TEST_DOCKER</c> and <c>DOCKER_API_VERSION</c>.</summary>
    private string Named() => File.ReadAllText(_sandbox.Checkout + "/docker.named").TrimEnd('\n');
}
