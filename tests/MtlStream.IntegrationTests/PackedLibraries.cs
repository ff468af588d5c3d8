namespace MtlStream.IntegrationTests;

/// <summary>The libraries as they were built with these tests, packed by <c>eng/pack.sh</c> for all tests of a class.</summary>
public sealed class PackedLibraries : IAsyncLifetime
{
    /// <summary>A source that NuGet can restore from.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("mtlstream-packages-").FullName;

    /// <summary>The version that all packages have.</summary>
    public string Version => Path.GetFileNameWithoutExtension(Find("MtlStream.Onnx", "nupkg"))["MtlStream.Onnx.".Length..];

    public async Task InitializeAsync()
    {
        var (code, output) = await OpsTools.RunAsync(Path.Combine(OpsTools.Root, "eng", "pack.sh"), Folder, "-c", Configuration, "--no-build");
        Assert.True(code == 0, output);
    }

    public Task DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>The file of a package.</summary>
    /// <param name="extension"><c>nupkg</c>, or <c>snupkg</c> for its symbols.</param>
    public string Find(string id, string extension) =>
        Assert.Single(Directory.GetFiles(Folder, $"{id}.*.{extension}"), f => char.IsAsciiDigit(Path.GetFileName(f)[id.Length + 1]));

    /// <summary>How these tests were built, and the libraries with them.</summary>
    internal static string Configuration => new DirectoryInfo(AppContext.BaseDirectory).Name == "release" ? "Release" : "Debug";
}
