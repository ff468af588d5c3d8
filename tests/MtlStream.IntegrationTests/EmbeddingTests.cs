using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace MtlStream.IntegrationTests;

/// <summary>The libraries as packages: what is in them, and that the example of the documents runs on them.</summary>
public sealed partial class EmbeddingTests(PackedLibraries packed) : IClassFixture<PackedLibraries>, IDisposable
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(OpsTools.Root, "docs", "embedding.md"));

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-embedding-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("MtlStream", "MtlStream.Core")]
    [InlineData("MtlStream.Onnx", "MtlStream.Onnx")]
    [InlineData("MtlStream.Kafka", "MtlStream.Kafka")]
    [InlineData("MtlStream.Learning", "MtlStream.Learning")]
    public void A_package_has_its_licence_a_page_to_read_documentation_and_symbols(string id, string assembly)
    {
        using var package = ZipFile.OpenRead(packed.Find(id, "nupkg"));
        using var symbols = ZipFile.OpenRead(packed.Find(id, "snupkg"));
        using var nuspec = package.GetEntry($"{id}.nuspec")!.Open();
        var metadata = XDocument.Load(nuspec).Root!.Elements().Single(e => e.Name.LocalName == "metadata");
        string Value(string name) => metadata.Elements().Single(e => e.Name.LocalName == name).Value;

        Assert.Equal("Apache-2.0", Value("license"));
        Assert.Equal("README.md", Value("readme"));
        Assert.NotEqual("Package Description", Value("description"));
        var files = package.Entries.Select(e => e.FullName).ToList();
        Assert.Contains("README.md", files);
        Assert.Contains("NOTICE", files);
        Assert.Contains($"lib/net10.0/{assembly}.dll", files);
        Assert.Contains($"lib/net10.0/{assembly}.xml", files);
        Assert.Contains($"lib/net10.0/{assembly}.pdb", symbols.Entries.Select(e => e.FullName));
    }

    [Fact]
    public async Task The_example_is_ten_lines_and_prints_what_the_page_says()
    {
        var example = Block("csharp");
        Assert.InRange(example.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, 1, 10);
        await File.WriteAllTextAsync(Path.Combine(_folder, "Program.cs"), example);
        await File.WriteAllTextAsync(Path.Combine(_folder, "labels.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <RuntimeIdentifier>linux-x64</RuntimeIdentifier>
                <SelfContained>false</SelfContained>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <NuGetAudit>false</NuGetAudit>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="MtlStream.Onnx" Version="{packed.Version}" />
              </ItemGroup>
            </Project>
            """);
        await File.WriteAllTextAsync(Path.Combine(_folder, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{_folder}/packages" /></config>
              <packageSources><clear /><add key="packed" value="{packed.Folder}" /></packageSources>
              <fallbackPackageFolders><add key="restored" value="{RestoredPackages()}" /></fallbackPackageFolders>
            </configuration>
            """);
        Directory.CreateSymbolicLink(Path.Combine(_folder, "models"), Path.Combine(OpsTools.Root, "models"));

        var built = await OpsTools.RunAsync("bash", "-c", $". eng/environment.sh; cd '{_folder}' && dotnet build --nologo -v quiet -o out");
        Assert.True(built.Code == 0, built.Output);
        var (code, output) = await OpsTools.RunAsync("bash", "-c", $"cd '{_folder}' && dotnet out/labels.dll");

        Assert.True(code == 0, output);
        Assert.Equal(Block("text"), output);
    }

    /// <summary>The first block of a language on the page.</summary>
    private static string Block(string language) => Blocks().Matches(s_page).First(b => b.Groups[1].Value == language).Groups[2].Value;

    /// <summary>Where the packages of the solution were unpacked to: nothing is fetched.</summary>
    private static string RestoredPackages() => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } named
        ? named
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    [GeneratedRegex("^```([a-z]+)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
