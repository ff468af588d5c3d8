using System.Collections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using MtlStream.Events;
using MtlStream.Host.Configuration;
using MtlStream.Host;

namespace MtlStream.Tests.Host;

public sealed class AppSettingsTests
{
    private static readonly string[] s_needed =
    [
        "--Kafka:InputTopics:0=in", "--Kafka:OutputTopic=out", "--Kafka:DeadLetterTopic=dead",
    ];

    [Fact]
    public void The_command_line_counts_more_than_the_environment_and_that_more_than_the_file()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, """{"Kafka": {"GroupId": "file", "OutputTopic": "file", "BootstrapServers": "file:1"}, "Logging": {"LogLevel": {"Any.Category": "warning"}}}""");
        var environment = new Hashtable { ["MTLSTREAM__Kafka__GroupId"] = "environment", ["mtlstream__kafka__bootstrapservers"] = "environment:1", ["MTLSTREAM_CACHE"] = "not a setting" };

        var settings = AppSettings.From(SettingsReader.Read(file, environment, [.. s_needed, "--Kafka:GroupId=argument"]));

        Assert.Equal("argument", settings.Kafka.GroupId);
        Assert.Equal("environment:1", settings.Kafka.BootstrapServers);
        Assert.Equal("out", settings.Kafka.OutputTopic);
        Assert.Equal(["in"], settings.Kafka.InputTopics);
        File.Delete(file);
    }

    [Fact]
    public void A_secret_is_a_file_with_the_name_of_its_setting_and_counts_more_than_the_file_of_settings()
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-secrets").FullName;
        File.WriteAllText(Path.Combine(folder, "Kafka__Client__sasl_password"), "from the folder\n");
        File.WriteAllText(Path.Combine(folder, "MTLSTREAM__Kafka__GroupId"), "folder");
        File.WriteAllText(Path.Combine(folder, "db-password"), "of another program");
        var file = Path.Combine(folder, "settings.json");
        File.WriteAllText(file, """{"Kafka": {"GroupId": "file", "Client": {"sasl.password": "file"}}}""");

        var settings = AppSettings.From(SettingsReader.Read(new(file, folder, new Hashtable(), s_needed)));

        Assert.Equal("folder", settings.Kafka.GroupId);
        Assert.Equal("from the folder", Assert.Single(settings.Kafka.Client).Value);
        Assert.Empty(settings.ExposedSecrets);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void What_is_wrong_in_a_folder_of_secrets_is_named_by_its_file()
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-secrets").FullName;
        File.WriteAllText(Path.Combine(folder, "Kafka__Grup"), "x");

        var error = Assert.Throws<UsageException>(() => AppSettings.From(SettingsReader.Read(new(null, folder, new Hashtable(), s_needed))));

        Assert.Contains($"Kafka:Grup ({Path.Combine(folder, "Kafka__Grup")}): there is no key Grup", error.Message, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
        Assert.Throws<UsageException>(() => SettingsReader.Read(new(null, folder, new Hashtable(), s_needed)));
    }

    [Fact]
    public void A_file_of_settings_of_another_program_is_left_alone_and_said()
    {
        var folder = Directory.CreateTempSubdirectory("mtlstream-lookup").FullName;
        var file = Path.Combine(folder, "appsettings.json");
        File.WriteAllText(file, """{"Logging": {"LogLevel": {"Default": "Warning"}}, "AllowedHosts": "*", "ConnectionStrings": {"Db": "x"}}""");

        var lookup = SettingsLookup.In(null, [folder], new Hashtable());

        Assert.Null(lookup.File);
        Assert.Contains($"{file} has none of this program's sections and was not read", Assert.Single(lookup.Warnings), StringComparison.Ordinal);
        Assert.Equal(file, SettingsLookup.In(file, [], new Hashtable()).File);
        File.WriteAllText(file, """{"Kafka": {"GroupId": "ours"}, "AllowedHosts": "*"}""");
        Assert.Equal(file, SettingsLookup.In(null, [folder], new Hashtable()).File);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void A_file_that_is_named_must_be_there()
    {
        var error = Assert.Throws<UsageException>(() => SettingsLookup.In("none.json", [], new Hashtable()));

        Assert.Equal($"--config: the file {Path.GetFullPath("none.json")} does not exist.", error.Message);
    }

    [Theory]
    [InlineData("MTLSTREAM_Kafka__GroupId", "MTLSTREAM__Kafka__GroupId")]
    [InlineData("MTLSTREAM_KAFKA_GROUPID", "MTLSTREAM__KAFKA__GROUPID")]
    [InlineData("mtlstream_Http_Url", "MTLSTREAM__Http__Url")]
    public void A_variable_with_one_underscore_is_warned_of(string name, string meant)
    {
        var lookup = SettingsLookup.In(null, [], new Hashtable { [name] = "x", ["MTLSTREAM_BUILD"] = "never", ["MTLSTREAM__Kafka__GroupId"] = "g" });

        Assert.Equal(
            $"{name} is not read: expected two underscores after MTLSTREAM and after a section, as in {meant}.", Assert.Single(lookup.Warnings));
    }

    [Fact]
    public void The_example_of_a_file_of_settings_is_good()
    {
        var file = Path.Combine(Repository.Root, "deploy", "appsettings.example.json");

        var settings = AppSettings.From(SettingsReader.Read(file, new Hashtable(), []));

        Assert.Equal(["comments"], settings.Kafka.InputTopics);
        Assert.Equal("earliest", settings.Kafka.Consumer["auto.offset.reset"]);
    }

    [Theory]
    [InlineData("session_timeout_ms")]
    [InlineData("session.timeout.ms")]
    public void Librdkafka_names_have_dots_or_underscores(string name)
    {
        var settings = Load(new Hashtable { ["MTLSTREAM__Kafka__Consumer__" + name] = "30000" });

        Assert.Equal("30000", settings.Kafka.Consumer["session.timeout.ms"]);
    }

    [Fact]
    public void Escapes_are_those_of_HTML_or_none()
    {
        Assert.Equal(TextEscapes.None, Load(new Hashtable()).Input.Unescape);
        Assert.Equal(TextEscapes.Html, Load(new Hashtable(), "--Input:Unescape=html").Input.Unescape);
        var error = Assert.Throws<UsageException>(() => Load(new Hashtable(), "--Input:Unescape=xml"));
        Assert.Contains("Input:Unescape", error.Message, StringComparison.Ordinal);
        Assert.Contains("Html", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_librdkafka_property_in_both_spellings_is_one_setting()
    {
        var settings = Load(new Hashtable { ["MTLSTREAM__Kafka__Client__sasl_username"] = "environment" }, "--Kafka:Client:sasl.username=argument");

        Assert.Equal("argument", Assert.Single(settings.Kafka.Client).Value);
    }

    [Fact]
    public void A_secret_in_the_arguments_is_noticed_by_its_name_alone()
    {
        var exposed = Load(
            new Hashtable { ["MTLSTREAM__Kafka__Producer__ssl_key_password"] = "from the environment" },
            "--Kafka:Client:sasl.password=hunter2", "--Kafka:Client:sasl.username=me", "--kafka:client:ssl_key_password=hunter3").ExposedSecrets;

        Assert.Equal(["Kafka:Client:sasl.password", "kafka:client:ssl.key.password"], exposed);
    }

    [Theory]
    [InlineData("--Kafka:Client:sasl.password", "hunter2")]
    [InlineData("--Kafka.Client.sasl.password=hunter2")]
    [InlineData("--Kafka:Client:sasl.password", "my", "hunter2=")]
    [InlineData("sasl.password", "hunter2")]
    [InlineData("sasl.password=hunter2")]
    public void What_stands_beside_a_misspelt_name_is_not_shown(params string[] arguments)
    {
        var error = Assert.Throws<UsageException>(() => Load([], arguments));

        Assert.DoesNotContain("hunter2", error.Message, StringComparison.Ordinal);
        Assert.Contains("expected settings as --Section:Key=value", error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{arguments[0].Split('=')[0]}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_that_is_wrong_is_in_one_message()
    {
        var error = Assert.Throws<UsageException>(() => Load(
            new Hashtable { ["MTLSTREAM__Kafka__GroupIdd"] = "x", ["MTLSTREAM__Kafka__Producer__aks"] = "x" },
            "--Deliver:Guarantee=ExactlyOnce", "--Batching:MaxRows=many", "--Delivery:CommitInterval=1.00:00:00",
            "--Delivery:Guarantee=Sometimes", "--Http:Url=localhost", "--Kafka:InputTopics=in", "--Input:TextPointer=text"));

        Assert.Contains("Kafka:GroupIdd (MTLSTREAM__Kafka__GroupIdd): there is no key GroupIdd in section Kafka; did you mean GroupId?", error.Message, StringComparison.Ordinal);
        Assert.Contains("--Deliver:Guarantee: there is no section Deliver; did you mean Delivery?", error.Message, StringComparison.Ordinal);
        Assert.Contains("--Batching:MaxRows is 'many', expected a whole number.", error.Message, StringComparison.Ordinal);
        Assert.Contains("Delivery:CommitInterval", error.Message, StringComparison.Ordinal);
        Assert.Contains("--Delivery:Guarantee is 'Sometimes', expected one of AtLeastOnce, ExactlyOnce.", error.Message, StringComparison.Ordinal);
        Assert.Contains("Http:Url is 'localhost'", error.Message, StringComparison.Ordinal);
        Assert.Contains("--Kafka:InputTopics: a list, expected Kafka:InputTopics:0", error.Message, StringComparison.Ordinal);
        Assert.Contains("Kafka:Producer:aks", error.Message, StringComparison.Ordinal);
        Assert.Contains("Input:TextPointer", error.Message, StringComparison.Ordinal);
        Assert.Equal(9, error.Message.Split('\n').Length - 1);
    }

    [Fact]
    public void Numbers_do_not_stand_for_names() =>
        Assert.Throws<UsageException>(() => Load([], "--Delivery:Guarantee=1"));

    [Fact]
    public void Settings_that_contradict_each_other_across_sections_are_an_error()
    {
        var error = Assert.Throws<UsageException>(() => Load(
            [], "--Delivery:Guarantee=ExactlyOnce", "--Kafka:Consumer:session.timeout.ms=6000", "--Kafka:Producer:transaction.timeout.ms=60000"));

        Assert.Contains("transaction.timeout.ms", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Copies_for_review_need_a_topic()
    {
        var error = Assert.Throws<UsageException>(() => Load([], "--Watch:Review:sentiment=0.6"));

        Assert.Contains("Kafka:ReviewTopic: found none", error.Message, StringComparison.Ordinal);
        _ = Load([], "--Watch:Review:sentiment=0.6", "--Kafka:ReviewTopic=doubtful");
    }

    [Theory]
    [InlineData("--Watch:SaveReference=seen.json")]
    [InlineData("--Watch:Review:sentiment=0.6")]
    public void What_the_watch_is_to_do_needs_a_watch(string setting)
    {
        var error = Assert.Throws<UsageException>(() => Load([], "--Watch:Share=0", "--Kafka:ReviewTopic=doubtful", setting));

        Assert.Contains("Watch:Share: found 0", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("topic")]
    [InlineData("--Kafka")]
    [InlineData("--Kafka:GroupId")]
    [InlineData("-Kafka:GroupId=x")]
    public void An_argument_that_is_no_setting_is_named(string argument)
    {
        var error = Assert.Throws<UsageException>(() => Load([], argument));

        Assert.Contains($"'{argument.Split('=')[0]}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Defaults_alone_lack_the_topics_and_nothing_else()
    {
        var error = Assert.Throws<UsageException>(() => AppSettings.From([]));

        Assert.Equal(3, error.Message.Split('\n').Length - 1);
        Assert.All(error.Message.Split('\n').Skip(1), line => Assert.Matches("^  Kafka:[A-Za-z]+Topics?: found none, expected ", line));
    }

    [Theory]
    [InlineData("--Delivery:DrainTimeout=20", "Delivery:DrainTimeout is 20.00:00:00, expected 00:00:01 to 00:10:00.")]
    [InlineData("--Watch:Share=2.5", "Watch:Share is 2.5, expected 0 to 1.")]
    [InlineData("--Model:Device=gpu", "Model:Device is 'gpu', expected one of auto, cpu, cuda.")]
    public void A_value_out_of_range_is_said_with_what_was_found(string setting, string said)
    {
        var error = Assert.Throws<UsageException>(() => Load([], setting));

        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:0", true)]
    [InlineData("http://*:8080", true)]
    [InlineData("OFF", true)]
    [InlineData("http://0.0.0.0:8080/", true)]
    [InlineData("http://localhost:8080", true)]
    [InlineData("http://LOCALHOST:0", false)]
    [InlineData("http://0.0.0.0:8080/health", false)]
    [InlineData("ftp://localhost", false)]
    [InlineData("", false)]
    public void The_health_address_is_http_without_a_path_or_off(string url, bool good)
    {
        if (good) Assert.Equal(url, Load([], "--Http:Url=" + url).Http.Url);
        else Assert.Contains($"Http:Url is '{url}', expected ", Assert.Throws<UsageException>(() => Load([], "--Http:Url=" + url)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_process_may_take_longer_to_stop_than_the_pipeline_to_drain()
    {
        var settings = Load([], "--Delivery:DrainTimeout=00:05:00", "--Http:Url=off");

        using var host = RunCommand.BuildHost(settings);

        var shutdown = host.Services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout;
        Assert.True(shutdown > settings.Delivery.DrainTimeout, $"{shutdown} is not above {settings.Delivery.DrainTimeout}");
    }

    [Fact]
    public void A_file_that_is_no_json_is_named()
    {
        var file = Path.GetTempFileName();
        File.WriteAllText(file, "{\"Kafka\": ");

        Assert.Contains(file, Assert.Throws<UsageException>(() => SettingsReader.Read(file, new Hashtable(), [])).Message, StringComparison.Ordinal);
        File.Delete(file);
    }

    private static AppSettings Load(Hashtable environment, params string[] arguments) =>
        AppSettings.From(SettingsReader.Read(null, environment, [.. s_needed, .. arguments]));
}
