using System.Globalization;

namespace MtlStream.Tests.Eng;

/// <summary>What <c>./mtlstream</c> does around the program, with a compiler that only pretends.</summary>
public sealed class StartScriptTests : IDisposable
{
    /// <summary>The "build": takes a while, says so on stdout as compilers do, and leaves a program that tells about itself.</summary>
    private const string Compiler = """
        [ "$1" = build ] || exit 0
        echo compiling
        sleep 0.3
        program={0}/artifacts/bin/MtlStream.Host/release/mtlstream
        mkdir -p "${program%/*}"
        printf '#!/bin/bash\necho "$$ $PWD $*"\nexit 3\n' > "$program"
        chmod +x "$program"
        """;

    private readonly ScriptSandbox _sandbox = new();

    public StartScriptTests() => _sandbox.Fake("dotnet", Compiler.Replace("{0}", _sandbox.Checkout, StringComparison.Ordinal));

    private int Builds => _sandbox.Calls("dotnet").Count(call => call.StartsWith("build ", StringComparison.Ordinal));

    [Fact]
    public async Task The_script_becomes_the_program_in_the_callers_folder()
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-caller-");

        using var process = _sandbox.Start("mtlstream", ["annotate", "some file.txt"], folder.FullName);
        var outcome = await ScriptSandbox.OutcomeOfAsync(process);
        folder.Delete();

        Assert.Equal(3, outcome.Code);
        Assert.Equal($"{process.Id} {folder.FullName} annotate some file.txt\n", outcome.Output);
        Assert.Contains("compiling", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_change_nothing_is_built_again()
    {
        await _sandbox.RunAsync("mtlstream", []);

        var again = await _sandbox.RunAsync("mtlstream", []);

        Assert.Equal(1, Builds);
        Assert.Equal("", again.Error);
    }

    [Fact]
    public async Task A_changed_source_is_built()
    {
        await _sandbox.RunAsync("mtlstream", []);

        File.AppendAllText(_sandbox.Checkout + "/src/Program.cs", "// changed");
        await _sandbox.RunAsync("mtlstream", []);

        Assert.Equal(2, Builds);
    }

    [Fact]
    public async Task A_program_built_for_the_CPU_is_built_anew_for_a_GPU()
    {
        await _sandbox.RunAsync("mtlstream", []);

        await _sandbox.RunAsync("mtlstream", [], ("MTLSTREAM_CUDA", "1"));

        Assert.Equal(2, Builds);
    }

    [Fact]
    public async Task Several_starts_at_once_build_once()
    {
        var starts = Enumerable.Range(0, 4).Select(_ => _sandbox.Start("mtlstream", [])).ToList();

        var outcomes = await Task.WhenAll(starts.Select(ScriptSandbox.OutcomeOfAsync));

        Assert.Equal(1, Builds);
        Assert.Equal(
            starts.Select(start => start.Id),
            outcomes.Select(outcome => int.Parse(outcome.Output.Split(' ')[0], CultureInfo.InvariantCulture)));
        starts.ForEach(start => start.Dispose());
    }

    [Fact]
    public async Task A_failed_build_starts_nothing_and_is_tried_again()
    {
        await _sandbox.RunAsync("mtlstream", []);
        File.AppendAllText(_sandbox.Checkout + "/src/Program.cs", "// broken");
        _sandbox.Fake("dotnet", "[ \"$1\" != build ] || { echo 'error CS1002'; exit 1; }");

        var first = await _sandbox.RunAsync("mtlstream", []);
        var second = await _sandbox.RunAsync("mtlstream", []);

        Assert.All([first, second], outcome => Assert.Equal((1, ""), (outcome.Code, outcome.Output)));
        Assert.Contains("error CS1002", first.Error, StringComparison.Ordinal);
        Assert.Equal(3, Builds);
    }

    [Fact]
    public async Task On_request_the_last_build_is_started_as_it_is()
    {
        await _sandbox.RunAsync("mtlstream", []);
        File.AppendAllText(_sandbox.Checkout + "/src/Program.cs", "// changed");

        var outcome = await _sandbox.RunAsync("mtlstream", [], ("MTLSTREAM_BUILD", "never"));

        Assert.Equal(3, outcome.Code);
        Assert.Equal(1, Builds);
    }

    public void Dispose() => _sandbox.Dispose();
}
