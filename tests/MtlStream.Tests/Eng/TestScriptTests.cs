namespace MtlStream.Tests.Eng;

/// <summary>What <c>./test.sh</c> makes of a test run.</summary>
public sealed class TestScriptTests : IDisposable
{
    private readonly ScriptSandbox _sandbox = new();

    [Fact]
    public async Task The_last_line_adds_the_projects_up()
    {
        Run(code: 0, Counters(total: 12, executed: 10, passed: 10, failed: 0), Counters(total: 3, executed: 3, passed: 3, failed: 0));

        var outcome = await _sandbox.RunAsync("test.sh", []);

        Assert.Equal(0, outcome.Code);
        Assert.EndsWith("2 skipped\n13 passed, 0 failed\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failed_test_fails_the_run()
    {
        Run(code: 1, Counters(total: 5, executed: 5, passed: 4, failed: 1));

        var outcome = await _sandbox.RunAsync("test.sh", []);

        Assert.Equal(1, outcome.Code);
        Assert.EndsWith("4 passed, 1 failed\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_test_host_that_died_without_a_result_fails_the_run()
    {
        Run(code: 1, Counters(total: 5, executed: 5, passed: 5, failed: 0));

        var outcome = await _sandbox.RunAsync("test.sh", []);

        Assert.Equal(1, outcome.Code);
        Assert.EndsWith("5 passed, 1 failed\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_without_a_test_is_no_success()
    {
        Run(code: 0);

        var outcome = await _sandbox.RunAsync("test.sh", []);

        Assert.Equal(1, outcome.Code);
        Assert.EndsWith("0 passed, 1 failed\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fault_campaign_runs_on_request_only()
    {
        Run(code: 0, Counters(total: 1, executed: 1, passed: 1, failed: 0));

        _sandbox.Fake("kafka.sh", "");
        await _sandbox.RunAsync("test.sh", ["--filter", "FullyQualifiedName~A|FullyQualifiedName~B"]);
        await _sandbox.RunAsync("test.sh", ["--faults"], ("MTLSTREAM_TEST_KAFKA", "../bin/kafka.sh"));

        var filters = _sandbox.Calls("dotnet").Where(call => call.StartsWith("test ", StringComparison.Ordinal)).ToList();
        Assert.EndsWith("--filter (FullyQualifiedName~A|FullyQualifiedName~B)&Category!=Faults", filters[0], StringComparison.Ordinal);
        Assert.EndsWith("--filter Category=Faults", filters[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_script_that_drives_a_Kafka_may_be_named_as_seen_from_here()
    {
        Run(code: 0, Counters(total: 1, executed: 1, passed: 1, failed: 0));
        _sandbox.Fake("kafka.sh", "");

        var outcome = await _sandbox.RunAsync("test.sh", [], ("MTLSTREAM_TEST_KAFKA", "../bin/kafka.sh"));

        Assert.Equal(0, outcome.Code);
        Assert.Equal([Path.GetFullPath(_sandbox.Checkout + "/../bin/kafka.sh")], KafkaOfTheTests());
    }

    [Fact]
    public async Task A_script_for_Kafka_that_is_not_there_is_named_and_nothing_is_run()
    {
        Run(code: 0, Counters(total: 1, executed: 1, passed: 1, failed: 0));

        var outcome = await _sandbox.RunAsync("test.sh", [], ("MTLSTREAM_TEST_KAFKA", "nowhere/kafka.sh"));

        Assert.Equal(2, outcome.Code);
        Assert.Contains("nowhere/kafka.sh", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(_sandbox.Calls("dotnet"));
    }

    [Fact]
    public async Task Continuous_integration_skips_what_needs_a_Kafka_that_is_not_there()
    {
        Run(code: 0, Counters(total: 2, executed: 1, passed: 1, failed: 0));

        var outcome = await _sandbox.RunAsync(".ci/run", [], ("MTLSTREAM_TEST_KAFKA", "nowhere/kafka.sh"));

        Assert.Equal(0, outcome.Code);
        Assert.Contains("no real Kafka at nowhere/kafka.sh; its tests are skipped", outcome.Error, StringComparison.Ordinal);
        Assert.Equal([""], KafkaOfTheTests());
    }

    [Fact]
    public async Task The_fault_campaign_without_a_Kafka_says_what_it_needs()
    {
        var outcome = await _sandbox.RunAsync("test.sh", ["--faults"]);

        Assert.Equal(2, outcome.Code);
        Assert.Contains("MTLSTREAM_TEST_KAFKA", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 7, 0, "11 passed, 0 failed")]
    [InlineData(1, 5, 2, "9 passed, 2 failed")]
    [InlineData(1, 0, 0, "4 passed, 1 failed")] // it died
    public async Task The_tests_of_the_training_count_too(int code, int passed, int failed, string last)
    {
        Run(code: 0, Counters(total: 4, executed: 4, passed: 4, failed: 0));
        Directory.CreateDirectory(_sandbox.Checkout + "/training/tests");
        _sandbox.Fake("python3", $"[ \"$1\" != -c ] || exit 0\necho '{Counters(passed + failed, passed + failed, passed, failed)}' > \"$2\"\nexit {code}");

        var outcome = await _sandbox.RunAsync("test.sh", []);

        Assert.Equal(code, outcome.Code);
        Assert.EndsWith(last + "\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_Python_the_tests_of_the_training_are_skipped_and_it_says_so()
    {
        Run(code: 0, Counters(total: 4, executed: 4, passed: 4, failed: 0));
        Directory.CreateDirectory(_sandbox.Checkout + "/training/tests");

        var outcome = await _sandbox.RunAsync("test.sh", []);

        Assert.Equal(0, outcome.Code);
        Assert.Contains("the tests of training/ are skipped", outcome.Error, StringComparison.Ordinal);
        Assert.EndsWith("4 passed, 0 failed\n", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_of_the_tests_is_a_part_of_those_in_CSharp()
    {
        Run(code: 0, Counters(total: 4, executed: 4, passed: 4, failed: 0));
        Directory.CreateDirectory(_sandbox.Checkout + "/training/tests");
        _sandbox.Fake("python3", "exit 1");

        var outcome = await _sandbox.RunAsync("test.sh", ["--filter", "FullyQualifiedName~A"]);

        Assert.Equal(0, outcome.Code);
        Assert.Empty(_sandbox.Calls("python3"));
    }

    public void Dispose() => _sandbox.Dispose();

    /// <summary>A test run that leaves one result file per project and exits with <paramref name="code"/>; it notes the Kafka that it is given.</summary>
    private void Run(int code, params string[] counters)
    {
        var files = string.Join('\n', counters.Select((line, i) => $"echo '{line}' > \"$results/{i}.trx\""));
        _sandbox.Fake("dotnet", $"[ \"$1\" = test ] || exit 0\necho \"$MTLSTREAM_TEST_KAFKA\" >> kafka.named\nresults={_sandbox.Checkout}/artifacts/test-results\nmkdir -p $results\n{files}\nexit {code}");
    }

    /// <summary>What each test run found in <c>MTLSTREAM_TEST_KAFKA</c>.</summary>
    private string[] KafkaOfTheTests() => File.ReadAllLines(_sandbox.Checkout + "/kafka.named");

    private static string Counters(int total, int executed, int passed, int failed) =>
        $"<ResultSummary><Counters total=\"{total}\" executed=\"{executed}\" passed=\"{passed}\" failed=\"{failed}\" error=\"0\" timeout=\"0\" aborted=\"0\" /></ResultSummary>";
}
