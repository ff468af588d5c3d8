using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using MtlStream.Registry;
using MtlStream.Registry.Schemas;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Registry;

/// <summary>Whom the worker trusts, who it says it is, and what it tells nobody.</summary>
public sealed class RegistrySecurityTests : IDisposable
{
    private const string Review = """{"type":"record","name":"Review","fields":[{"name":"text","type":"string"}]}""";
    private const string Password = "pa55-w0rd", Basic = "dXNlcjpwYTU1LXcwcmQ=", Token = "t0ken-t0ken";

    private static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);
    private static readonly byte[] s_good = RegistryRun.Framed(1, [8, .. "good"u8]);

    private readonly TestAuthority _authority = new("the authority");
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-").FullName;

    public void Dispose()
    {
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("basic")]
    [InlineData("bearer")]
    public async Task A_registry_whose_authority_is_in_the_file_is_trusted(string kind)
    {
        await using var registry = await StartAsync("localhost");
        registry.Authorization = kind == "basic" ? $"Basic {Basic}" : $"Bearer {Token}";
        using var run = Run(registry, Options(kind) with { CaFile = Write(_authority.Pem) });

        Assert.Equal("good", await run.TextAsync(s_good));
    }

    [Fact]
    public async Task Of_several_authorities_in_the_file_one_is_enough()
    {
        using var another = new TestAuthority("another");
        await using var registry = await StartAsync("localhost");
        using var run = Run(registry, new() { CaFile = Write($"{another.Pem}\n{_authority.Pem}\n") });

        Assert.Equal("good", await run.TextAsync(s_good));
    }

    [Theory]
    [InlineData("another authority", "localhost", 30, "certificate is not issued by an authority in Registry:CaFile")]
    [InlineData("no file", "localhost", 30, "certificate is issued by nobody whom the system trusts")]
    [InlineData("the authority", "elsewhere.example", 30, "certificate is made out to elsewhere.example, expected localhost")]
    [InlineData("the authority", "localhost", -1, "is not valid at this time")]
    public async Task Another_registry_than_the_one_that_is_meant_is_told_nothing(string trusted, string name, int until, string expected)
    {
        using var another = new TestAuthority("another");
        await using var registry = await StartAsync(name, until);
        var file = trusted switch
        {
            "no file" => "",
            "the authority" => Write(_authority.Pem),
            _ => Write(another.Pem),
        };
        using var run = Run(registry, Options("basic") with { CaFile = file });

        Assert.NotNull(run.DecodeNow(s_good).NotNow);
        await Until(() => run.Registry.Trouble is not null).WaitAsync(s_deadline);

        Assert.Contains(expected, run.Registry.Trouble, StringComparison.Ordinal);
        Assert.Empty(registry.Requests);
    }

    [Fact]
    public async Task The_worker_shows_its_certificate()
    {
        using var own = _authority.Issue("worker");
        var file = Path.Combine(_folder, "own.p12");
        File.WriteAllBytes(file, own.Export(X509ContentType.Pkcs12, Password));
        await using var registry = await StartAsync("localhost");
        using var run = Run(registry, new() { CaFile = Write(_authority.Pem), KeystoreFile = file, KeystorePassword = Password });

        Assert.Equal("good", await run.TextAsync(s_good));
        Assert.Equal("CN=issued", registry.ShownCertificate);
    }

    [Fact]
    public void Files_that_hold_something_else_are_refused_with_their_setting()
    {
        using var own = _authority.Issue("worker");
        var keystore = Path.Combine(_folder, "own.p12");
        File.WriteAllBytes(keystore, own.Export(X509ContentType.Pkcs12, Password));
        var text = Write("no certificate");

        Assert.Equal([(nameof(RegistryOptions.CaFile), $"found something else in {text}, expected certificates in PEM.")], Found(new() { CaFile = text }));
        Assert.Equal(
            [(nameof(RegistryOptions.KeystoreFile), $"found something else in {keystore}, expected a file in PKCS #12 that Registry:KeystorePassword opens.")],
            Found(new() { KeystoreFile = keystore, KeystorePassword = "another" }));
        Assert.Equal([(nameof(RegistryOptions.CaFile), $"there is no file {text}-.")], Found(new() { CaFile = text + "-" }));
        Assert.Empty(Found(new() { KeystoreFile = keystore, KeystorePassword = Password }));
    }

    [Theory]
    [InlineData("basic", 401)]
    [InlineData("bearer", 401)]
    [InlineData("basic", 403)]
    [InlineData("bearer", 500)]
    [InlineData("basic", 404)]
    [InlineData("bearer", 200)]
    public async Task Secrets_are_in_no_message_and_in_no_log(string kind, int status)
    {
        await using var registry = await StandInRegistry.StartAsync();
        registry.Fault = StandInRegistry.Always(status, "<html>who are you?</html>", "text/html");
        var log = new FakeLogCollector();
        using var loggers = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Trace).AddProvider(new FakeLoggerProvider(log)));
        using var run = Run(registry, Options(kind), loggers);

        var waits = run.DecodeNow(s_good).NotNow;
        await Until(() => run.Registry.Trouble is not null).WaitAsync(s_deadline);

        var said = string.Join('\n', log.GetSnapshot().Select(r => $"{r.Message} {r.Exception}").Append(run.Registry.Trouble).Append(waits!.Reason).Append($"{Options(kind)}"));
        Assert.Contains("schema id 1", said, StringComparison.Ordinal);
        foreach (var secret in new[] { Password, Basic, Token }) Assert.DoesNotContain(secret, said, StringComparison.Ordinal);
    }

    private static RegistryOptions Options(string kind) =>
        kind == "basic" ? new() { Username = "user", Password = Password } : new() { Token = Token };

    private static List<(string?, string?)> Found(RegistryOptions options) =>
        [.. (options with { Url = "https://registry" }).Validate(new(options)).Select(r => (r.MemberNames.FirstOrDefault(), r.ErrorMessage))];

    private static async Task Until(Func<bool> condition)
    {
        while (!condition()) await Task.Delay(5);
    }

    private static RegistryRun Run(StandInRegistry registry, RegistryOptions options, ILoggerFactory? loggers = null)
    {
        options = options with { Url = registry.Url, AutoRegister = true };
        return new(_ => new RegistryClient(options), options: options, loggers: loggers);
    }

    private async Task<StandInRegistry> StartAsync(string name, int until = 30)
    {
        var registry = await StandInRegistry.StartAsync(_authority.Issue(name, from: -10, until));
        registry.Add("in-value", Review);
        return registry;
    }

    private string Write(string content)
    {
        var path = Path.Combine(_folder, "ca.pem");
        File.WriteAllText(path, content);
        return path;
    }
}
