using System.Diagnostics;
using System.Text.Json;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>
/// Python's reference implementations of Avro and Protobuf write events, and read the answers with the schema that they had and
/// with the one that is registered.
/// </summary>
public sealed class PythonInteropTests
{
    [PythonSchemasFact]
    public async Task Python_writes_what_is_read_and_reads_what_is_written()
    {
        var events = await PythonAsync("write", "");
        var lines = new List<string>();
        foreach (var line in events)
        {
            var type = line.GetProperty("kind").GetString() == "Avro" ? SchemaType.Avro : SchemaType.Protobuf;
            var value = line.GetProperty("value").GetBytesFromBase64();
            var registry = new TableRegistry();
            registry.Add(7, line.GetProperty("schema").GetString()!, type);
            using var run = new RegistryRun(registry, new() { TextPointer = "/body/text" });

            Assert.Equal("Grüße aus Köln ☀", await run.TextAsync(RegistryRun.Framed(7, value)));
            var answer = (await run.AnswerAsync(RegistryRun.Framed(7, value))).Payload!;

            lines.Add(JsonSerializer.Serialize(new
            {
                kind = $"{type}",
                schema = line.GetProperty("schema").GetString(),
                name = line.GetProperty("name").GetString(),
                answers = Assert.Single(registry.Registered).Schema.Text,
                @event = Convert.ToBase64String(value),
                value = Convert.ToBase64String(answer.AsSpan(5)),
            }));
        }

        var read = await PythonAsync("read", string.Join('\n', lines));

        Assert.Equal(4, read.Count);
        Assert.All(read, answer =>
        {
            Assert.Equal("Grüße aus Köln ☀", answer.GetProperty("text").GetString());
            Assert.Equal("Grüße aus Köln ☀", answer.GetProperty("old").GetString());
            Assert.Equal("positive", answer.GetProperty("label").GetString());
            Assert.Equal(JsonValueKind.Null, answer.GetProperty("inner").ValueKind);
        });
    }

    private static async Task<List<JsonElement>> PythonAsync(string verb, string input)
    {
        var script = Path.Combine(Repository.Root, "tests", "registry-interop.py");
        var start = new ProcessStartInfo(PythonSchemasFactAttribute.Python, [script, verb, PythonSchemasFactAttribute.Protoc!])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["PROTOBUF_INCLUDE"] = PythonSchemasFactAttribute.Include ?? "";
        start.Environment["PYTHONIOENCODING"] = "utf-8";
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        Assert.True(process.ExitCode == 0, await error);
        return [.. (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
    }
}

/// <summary>Marks a test that needs Debian's python3-avro and python3-protobuf; skipped, with that reason, where they are not.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonSchemasFactAttribute : FactAttribute
{
    public const string Python = "/usr/bin/python3";

    public PythonSchemasFactAttribute()
    {
        if (!HasModules()) Skip = "There is no /usr/bin/python3 with avro and google.protobuf (python3-avro, python3-protobuf).";
        else if (Protoc is null) Skip = "There is no protoc in the package Grpc.Tools.";
    }

    /// <summary>Google's compiler, which the build of the core has brought.</summary>
    public static string? Protoc { get; } = Tool("tools", "linux_x64", "protoc");

    public static string? Include { get; } = Tool("build", "native", "include");

    private static string? Tool(params string[] parts)
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var folder = Path.Combine(packages, "grpc.tools");
        if (!Directory.Exists(folder)) return null;
        return Directory.GetDirectories(folder).Order(StringComparer.Ordinal).Select(version => Path.Combine([version, .. parts])).LastOrDefault(Path.Exists);
    }

    private static bool HasModules()
    {
        if (!File.Exists(Python)) return false;
        using var process = Process.Start(new ProcessStartInfo(Python, ["-c", "import avro.io, google.protobuf"]) { RedirectStandardError = true })!;
        return process.WaitForExit(60_000) && process.ExitCode == 0;
    }
}
