namespace MtlStream.IntegrationTests;

/// <summary>What an image for a CPU adds to its base: the folder that <c>eng/publish.sh</c> fills, and nothing else.</summary>
public sealed class PublishTests : IDisposable
{
    private const int MostMegabytes = 90;

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-publish-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_program_for_a_CPU_stays_within_90_MB_and_carries_no_provider_for_a_GPU()
    {
        var (code, output) = await OpsTools.RunAsync(
            "env", "-u", "MTLSTREAM_CUDA", $"MTLSTREAM_CONFIGURATION={PackedLibraries.Configuration}", Path.Combine(OpsTools.Root, "eng", "publish.sh"), _folder, "--no-build");

        Assert.True(code == 0, output);
        var files = new DirectoryInfo(_folder).GetFiles("*", SearchOption.AllDirectories);
        Assert.InRange(files.Sum(f => f.Length) / 1_000_000, 40, MostMegabytes);
        Assert.DoesNotContain(files, f => f.Name.StartsWith("libonnxruntime_providers_cuda", StringComparison.Ordinal));
        Assert.DoesNotContain(files, f => f.Name.StartsWith("libonnxruntime_providers_tensorrt", StringComparison.Ordinal));
        Assert.Equal(["centos8-librdkafka.so"], files.Where(f => f.Name.Contains("librdkafka.so", StringComparison.Ordinal)).Select(f => f.Name));
        Assert.Contains(files, f => f.Name == "model.json");
    }

    [Fact]
    public void The_image_for_a_CPU_copies_nothing_but_what_is_published()
    {
        var stages = File.ReadAllText(Path.Combine(OpsTools.Root, "deploy", "Dockerfile")).Split("\nFROM ");
        var (runtime, cpu) = (Assert.Single(stages, s => FirstLine(s).EndsWith(" AS runtime", StringComparison.Ordinal)), Assert.Single(stages, s => FirstLine(s) == "runtime AS cpu"));

        var copies = $"{runtime}\n{cpu}".Split('\n').Where(l => l.StartsWith("COPY ", StringComparison.Ordinal) || l.StartsWith("ADD ", StringComparison.Ordinal) || l.StartsWith("RUN ", StringComparison.Ordinal));

        Assert.Equal(["COPY --from=build /app /app"], copies);

        static string FirstLine(string stage) => stage.Split('\n')[0];
    }
}
