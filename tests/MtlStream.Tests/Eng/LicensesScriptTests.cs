using System.Text.RegularExpressions;

namespace MtlStream.Tests.Eng;

/// <summary>What an image takes along of the packages that the program is made of.</summary>
public sealed class LicensesScriptTests : IDisposable
{
    private readonly ScriptSandbox _sandbox = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-licences-").FullName;
    private readonly List<string> _packages;

    public LicensesScriptTests()
    {
        File.Copy(Path.Combine(AppContext.BaseDirectory, "mtlstream.deps.json"), Path.Combine(_folder, "mtlstream.deps.json"));
        _packages = [.. Regex.Matches(File.ReadAllText(Path.Combine(_folder, "mtlstream.deps.json")), "\"path\": \"([^\"]+)\"").Select(m => m.Groups[1].Value)];
    }

    public void Dispose()
    {
        _sandbox.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_texts_of_every_package_of_the_program_are_taken_along_and_no_others()
    {
        Unpack("LICENSES.txt", p => p.StartsWith("librdkafka.redist/", StringComparison.Ordinal));
        Unpack("ThirdPartyNotices.txt", p => !p.StartsWith("librdkafka.redist/", StringComparison.Ordinal));
        Unpack("README.md", _ => true);
        Directory.CreateDirectory(Path.Combine(_folder, "packages", "xunit", "2.0.0"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "packages", "xunit", "2.0.0", "LICENSE"), "");

        var outcome = await RunAsync();

        Assert.True(outcome.Code == 0, outcome.Error);
        var licences = Path.Combine(_folder, "licenses");
        Assert.Equal(
            _packages.Select(p => $"{p.Replace('/', '.')}/{(p.StartsWith("librdkafka", StringComparison.Ordinal) ? "LICENSES" : "ThirdPartyNotices")}.txt").Order(),
            Directory.EnumerateFiles(licences, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(licences, f)).Order());
    }

    [Fact]
    public async Task Without_a_text_that_NOTICE_refers_to_no_image_is_made()
    {
        Unpack("LICENSE", p => !p.StartsWith("librdkafka.redist/", StringComparison.Ordinal));

        var outcome = await RunAsync();

        Assert.Equal(1, outcome.Code);
        Assert.Contains("no licence text of librdkafka.redist", outcome.Error, StringComparison.Ordinal);
    }

    private void Unpack(string file, Func<string, bool> of)
    {
        foreach (var package in _packages.Where(of))
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "packages", package)).FullName, file), package);
    }

    private Task<ScriptSandbox.Outcome> RunAsync() =>
        _sandbox.RunAsync("eng/licenses.sh", [_folder], ("NUGET_PACKAGES", Path.Combine(_folder, "packages")));
}
