using System.Globalization;
using System.Text.Json;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

/// <summary>The program reads and writes the same, whatever the culture of its user.</summary>
public sealed class CultureTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public void These_tests_run_under_a_culture_that_is_not_the_invariant_one() =>
        Assert.Equal(TestCulture.Name, CultureInfo.CurrentCulture.Name);

    [Fact]
    public async Task An_option_with_a_decimal_point_is_that_number_where_people_write_a_comma()
    {
        using var process = Cli.StartUnder(
            "de_DE.UTF-8", "demo", "--events", "3", "--rate", "0.9", "--json", "--model", _package.Folder, "--device", "cpu");

        var output = await process.StandardOutput.ReadToEndAsync().WaitAsync(s_patience);

        // Three events at 0.9 a second take more than two seconds; at 9 a second they would take a quarter of one.
        var rate = JsonSerializer.Deserialize<JsonElement>(output.TrimEnd('\n').Split('\n')[^1]).GetProperty("eventsPerSecond").GetDouble();
        Assert.InRange(rate, 0.01, 1.6);
    }

    [Theory]
    [InlineData("th_TH.UTF-8")] // 543 years ahead
    [InlineData("ar_SA.UTF-8")] // in the 15th century, with digits of its own
    [InlineData("fa_IR.UTF-8")]
    public async Task Log_lines_have_the_year_that_machines_read(string locale)
    {
        var before = DateTime.UtcNow;
        using var process = Cli.StartUnder(
            locale, "run", "--Kafka:BootstrapServers=127.0.0.1:1", "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out",
            "--Kafka:DeadLetterTopic=dead", $"--Model:Path={_package.Folder}", "--Model:Device=cpu", "--Http:Url=http://127.0.0.1:0");

        var line = await process.StandardError.ReadLineAsync().WaitAsync(s_patience);

        var time = DateTime.Parse(line!.Split(' ')[0], CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal);
        Assert.InRange(time, before.AddSeconds(-1), DateTime.UtcNow);
    }

    [Theory]
    [InlineData("tr_TR.UTF-8")]
    [InlineData("ar_SA.UTF-8")]
    [InlineData("de_DE.UTF-8")]
    [InlineData("th_TH.UTF-8")]
    [InlineData("fa_IR.UTF-8")]
    [InlineData("hi_IN.UTF-8")]
    public async Task Results_are_the_same_bytes(string locale)
    {
        using var here = Cli.StartUnder("C.UTF-8", "annotate", "-", "--all-scores", "--model", _package.Folder, "--device", "cpu");
        using var there = Cli.StartUnder(locale, "annotate", "-", "--all-scores", "--model", _package.Folder, "--device", "cpu");
        foreach (var process in new[] { here, there })
        {
            await process.StandardInput.WriteLineAsync("""{"text": "good cat IN İstanbul", "i": 1}""");
            process.StandardInput.Close();
        }

        var expected = await here.StandardOutput.ReadToEndAsync().WaitAsync(s_patience);
        Assert.Contains("\"analysis\"", expected, StringComparison.Ordinal);
        Assert.Equal(Untimed(expected), Untimed(await there.StandardOutput.ReadToEndAsync().WaitAsync(s_patience)));

        static string Untimed(string line) => System.Text.RegularExpressions.Regex.Replace(line, "\"[0-9]{4}-[0-9]{2}-[^\"]*\"", "\"time\"");
    }
}
