using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MtlStream.Host;
using MtlStream.Host.Configuration;

namespace MtlStream.Tests.Host;

/// <summary>How the log is written, and what is said where the settings for it are wrong.</summary>
public sealed class LoggingSettingsTests
{
    private const string Message = "a warning of this test";

    private static readonly string[] s_run =
        ["run", "--Kafka:BootstrapServers=127.0.0.1:1", "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead", "--Http:Url=off"];

    [Theory]
    [InlineData("LogLevel:Default", "Verbose", "--Logging:LogLevel:Default is 'Verbose', expected one of Trace, Debug, Information, Warning, Error, Critical, None.")]
    [InlineData("LogLevel:Default", "7", "is '7', expected one of Trace, Debug")]
    [InlineData("LogLevel", "Debug", "--Logging:LogLevel: expected Logging:LogLevel:Default, or the name of a category in place of Default.")]
    [InlineData("Console:LogLevel:MtlStream.Kafka", "loud", "is 'loud', expected one of Trace")]
    [InlineData("LogLevl:Default", "Debug", "there is no key LogLevl in section Logging; did you mean LogLevel?")]
    [InlineData("Consle:FormatterName", "json", "there is no key Consle in section Logging; did you mean Console?")]
    [InlineData("Console:Formatter", "json", "there is no key Formatter in section Logging:Console; there are LogLevel, FormatterOptions, FormatterName,")]
    [InlineData("Console:FormatterName", "jsn", "is 'jsn', expected one of simple, json, systemd.")]
    [InlineData("Console:FormatterOptions:TimeStamp", "HH", "there is no key TimeStamp in section Logging:Console:FormatterOptions")]
    [InlineData("Console:FormatterOptions:TimestampFormat", "q", "is 'q', expected a format of .NET for times")]
    [InlineData("Console:FormatterOptions:IncludeScopes", "maybe", "is 'maybe', expected true or false.")]
    public void A_wrong_setting_is_one_clear_line(string key, string value, string expected)
    {
        var message = Assert.Throws<UsageException>(() => Load($"--Logging:{key}={value}")).Message;

        Assert.Contains(expected, Assert.Single(message.Split('\n').Skip(1)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LogLevel:Default", "debug")]
    [InlineData("LogLevel:Microsoft.AspNetCore", "Warning")]
    [InlineData("Console:LogLevel:Default", "None")]
    [InlineData("Console:FormatterName", "JSON")]
    [InlineData("Console:FormatterOptions:JsonWriterOptions:Indented", "false")]
    [InlineData("Console:FormatterOptions:TimestampFormat", "HH:mm:ss ")]
    [InlineData("EventLog:LogLevel:Default", "Information")]
    public void What_the_framework_takes_is_taken(string key, string value) => Load($"--Logging:{key}={value}");

    [Fact]
    public async Task A_wrong_level_ends_the_worker_with_code_2_and_no_stack()
    {
        var result = await Cli.RunAsync("", [.. s_run, "--Logging:LogLevel:Default=Verbose"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Equal(2, result.Error.TrimEnd().Split('\n').Length);
        Assert.EndsWith(
            "--Logging:LogLevel:Default is 'Verbose', expected one of Trace, Debug, Information, Warning, Error, Critical, None.", result.Error.TrimEnd(),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("json", "{\"Timestamp\":\"2")]
    [InlineData("simple", "2")]
    [InlineData(null, "2")]
    [InlineData("systemd", "<4>")]
    public void The_log_has_the_format_that_is_asked_for_one_line_a_message(string? format, string beginning)
    {
        var written = new StringWriter();
        var before = Console.Error;
        Console.SetError(TextWriter.Synchronized(written));
        try
        {
            Write(format);
        }
        finally
        {
            Console.SetError(before);
        }

        var line = Assert.Single(written.ToString().Split('\n'), l => l.Contains(Message, StringComparison.Ordinal)); // others may write as well
        Assert.StartsWith(beginning, line, StringComparison.Ordinal);
        Assert.Contains("a stack", line, StringComparison.Ordinal);
        if (format != "json") return;
        using var json = JsonDocument.Parse(line);
        Assert.Equal("Warning", json.RootElement.GetProperty("LogLevel").GetString());
        Assert.EndsWith("Z", json.RootElement.GetProperty("Timestamp").GetString(), StringComparison.Ordinal);
    }

    private static AppSettings Load(string argument) =>
        AppSettings.From(SettingsReader.Read(null, new Dictionary<string, string>(), [.. s_run.Skip(1), argument]));

    private static void Write(string? format)
    {
        var settings = new Dictionary<string, string?>();
        if (format is not null) settings["Logging:Console:FormatterName"] = format;
        var section = new ConfigurationBuilder().AddInMemoryCollection(settings).Build().GetSection(LoggingSettings.Section);
        using var provider = new ServiceCollection().AddLogging(logging => logging.AddConfiguration(section).AddStderrConsole()).BuildServiceProvider();
        provider.GetRequiredService<ILoggerFactory>().CreateLogger("any").Log(LogLevel.Warning, default, 0, new IOException("with\na stack"), (_, _) => Message);
    }
}
