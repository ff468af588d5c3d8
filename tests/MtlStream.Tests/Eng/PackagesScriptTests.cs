namespace MtlStream.Tests.Eng;

/// <summary>What <c>eng/packages.sh</c> decides, with a NuGet and an npm that only pretend.</summary>
public sealed class PackagesScriptTests : IDisposable
{
    private const string Script = "eng/packages.sh";

    /// <summary>A NuGet that lacks the packages named, as a restore of the probe reports it.</summary>
    private const string Lacking = """
        [ "$1" = restore ] || { echo "$1 was not expected" >&2; exit 9; }
        for id in {0}; do echo "${2%/*}/$id/probe.$id.csproj : error NU1101: Unable to find package $id. [$2]"; done
        exit 1
        """;

    private readonly ScriptSandbox _sandbox = new();

    public PackagesScriptTests()
    {
        foreach (var tool in new[] { "npm", "apt-get" })
            _sandbox.Fake(tool, "echo \"$0 is out of reach\" >&2; exit 1");
    }

    [Fact]
    public async Task With_the_full_gallery_npm_is_never_asked_and_no_folder_is_filled()
    {
        _sandbox.Fake("dotnet", "exit 0");

        var outcome = await _sandbox.RunAsync(Script, [], ("MTLSTREAM_CUDA", "1"));

        Assert.Equal((0, "", ""), (outcome.Code, outcome.Output, outcome.Error));
        Assert.Empty(_sandbox.Calls("npm"));
        Assert.False(Directory.Exists(_sandbox.Cache + "/packages"));
        Assert.Contains("<HasMLTokenizers>true<", File.ReadAllText(_sandbox.Cache + "/packages.props"), StringComparison.Ordinal);
        Assert.Contains("<HasTestcontainersKafka>true<", File.ReadAllText(_sandbox.Cache + "/packages.props"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_decision_is_remembered()
    {
        _sandbox.Fake("dotnet", "exit 0");

        await _sandbox.RunAsync(Script, []);
        await _sandbox.RunAsync(Script, []);

        Assert.Single(_sandbox.Calls("dotnet"));
    }

    [Fact]
    public async Task A_relative_cache_is_the_callers_and_MSBuild_is_told_so()
    {
        _sandbox.Fake("dotnet", "echo \"$MTLSTREAM_CACHE\" > told");

        await _sandbox.RunAsync(Script, [], ("MTLSTREAM_CACHE", "some/cache"));

        Assert.True(File.Exists(_sandbox.Checkout + "/some/cache/packages.props"));
        Assert.Equal(_sandbox.Checkout + "/some/cache\n", File.ReadAllText(_sandbox.Checkout + "/told"));
    }

    [Fact]
    public async Task A_refresh_asks_again()
    {
        _sandbox.Fake("dotnet", "exit 0");

        await _sandbox.RunAsync(Script, []);
        await _sandbox.RunAsync(Script, ["--refresh"]);

        Assert.Equal(2, _sandbox.Calls("dotnet").Count);
    }

    [Fact]
    public async Task Two_runs_at_once_ask_once()
    {
        _sandbox.Fake("dotnet", "sleep 0.5");

        using var first = _sandbox.Start(Script, []);
        using var second = _sandbox.Start(Script, []);
        var outcomes = await Task.WhenAll(ScriptSandbox.OutcomeOfAsync(first), ScriptSandbox.OutcomeOfAsync(second));

        Assert.All(outcomes, outcome => Assert.Equal(0, outcome.Code));
        Assert.Single(_sandbox.Calls("dotnet"));
    }

    [Fact]
    public async Task An_optional_package_that_does_not_restore_is_left_out_without_asking_npm()
    {
        _sandbox.Fake("dotnet", Lacking.Replace("{0}", "Testcontainers.Kafka", StringComparison.Ordinal));

        var outcome = await _sandbox.RunAsync(Script, []);
        var summary = await _sandbox.RunAsync(Script, ["--summary"]);

        Assert.Equal(0, outcome.Code);
        Assert.Empty(_sandbox.Calls("npm"));
        var props = File.ReadAllText(_sandbox.Cache + "/packages.props");
        Assert.Contains("<HasTestcontainersKafka>false<", props, StringComparison.Ordinal);
        Assert.Contains("<HasMLTokenizers>true<", props, StringComparison.Ordinal);
        Assert.Contains("Testcontainers.Kafka left out", summary.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_package_that_is_lacking_is_asked_of_npm()
    {
        _sandbox.Fake("dotnet", Lacking.Replace("{0}", "Microsoft.ML.OnnxRuntime.Gpu", StringComparison.Ordinal));

        var outcome = await _sandbox.RunAsync(Script, []);

        Assert.Equal(1, outcome.Code);
        Assert.Contains("Microsoft.ML.OnnxRuntime.Gpu could not be filled", outcome.Error, StringComparison.Ordinal);
        Assert.StartsWith("pack onnxruntime-node@", Assert.Single(_sandbox.Calls("npm")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", false)]
    [InlineData("1", true)]
    public async Task The_CUDA_providers_are_fetched_on_request_only(string request, bool fetched)
    {
        _sandbox.Fake("dotnet", Lacking.Replace("{0}", "Microsoft.ML.OnnxRuntime.Gpu", StringComparison.Ordinal));

        await _sandbox.RunAsync(Script, [], ("MTLSTREAM_CUDA", request));

        Assert.Equal(fetched, _sandbox.Calls("npm").Any(call => call.Contains("linux-x64-gpu", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_tarball_other_than_the_pinned_one_is_refused()
    {
        _sandbox.Fake("dotnet", Lacking.Replace("{0}", "Microsoft.ML.OnnxRuntime.Gpu", StringComparison.Ordinal));
        _sandbox.Fake("npm", "while [ $# -gt 1 ]; do [ \"$1\" = --pack-destination ] && echo altered > \"$2/package.tgz\"; shift; done");

        var outcome = await _sandbox.RunAsync(Script, []);

        Assert.Equal(1, outcome.Code);
        Assert.Contains("onnxruntime-node@1.29.0 is not what was pinned", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_sandbox.Cache + "/packages"));
    }

    [Fact]
    public async Task A_NuGet_that_cannot_be_reached_is_no_decision()
    {
        _sandbox.Fake("dotnet", "echo 'probe.csproj : error NU1301: Unable to load the service index.'; exit 1");

        var outcome = await _sandbox.RunAsync(Script, []);

        Assert.Equal(1, outcome.Code);
        Assert.Contains("NU1301", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(_sandbox.Calls("npm"));
        Assert.Empty(Directory.EnumerateFiles(_sandbox.Cache + "/state"));
    }

    [Fact]
    public async Task A_missing_tool_is_named_with_the_way_to_get_it()
    {
        _sandbox.Fake("id", "echo 1000");
        _sandbox.Fake("dotnet", Lacking.Replace("{0}", "librdkafka.redist", StringComparison.Ordinal));

        var outcome = await _sandbox.RunAsync(Script, []);

        Assert.Equal(1, outcome.Code);
        Assert.Contains("NuGet lacks librdkafka.redist", outcome.Error, StringComparison.Ordinal);
        Assert.Matches("sudo apt-get install .*gcc.*make", outcome.Error);
        Assert.Empty(_sandbox.Calls("apt-get"));
    }

    [Fact]
    public async Task As_root_on_Debian_a_missing_tool_is_installed()
    {
        _sandbox.Fake("id", "echo 0");
        _sandbox.Fake("dotnet", Lacking.Replace("{0}", "librdkafka.redist", StringComparison.Ordinal));

        await _sandbox.RunAsync(Script, []);

        Assert.Contains(_sandbox.Calls("apt-get"), call => call.Contains("update", StringComparison.Ordinal));
    }

    public void Dispose() => _sandbox.Dispose();
}
