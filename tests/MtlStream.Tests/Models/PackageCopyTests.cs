using MtlStream.Serving;

namespace MtlStream.Tests.Models;

public sealed class PackageCopyTests : IDisposable
{
    private readonly DirectoryInfo _package = Directory.CreateTempSubdirectory("mtlstream-");

    public void Dispose() => _package.Delete(recursive: true);

    [Fact]
    public void Files_behind_links_within_the_package_are_copied_once()
    {
        // As Kubernetes mounts a volume that it replaces as a whole.
        var data = _package.CreateSubdirectory("..2026_01_31");
        File.WriteAllText(Path.Combine(data.FullName, "model.json"), "{}");
        data.CreateSubdirectory("tokenizer");
        File.WriteAllText(Path.Combine(data.FullName, "tokenizer", "vocab.txt"), "a");
        Directory.CreateSymbolicLink(Path.Combine(_package.FullName, "..data"), data.Name);
        File.CreateSymbolicLink(Path.Combine(_package.FullName, "model.json"), "..data/model.json");
        Directory.CreateSymbolicLink(Path.Combine(_package.FullName, "tokenizer"), "..data/tokenizer");

        using var copy = PackageCopy.Of(_package.FullName);

        Assert.Equal("{}", File.ReadAllText(Path.Combine(copy.Folder, "model.json")));
        Assert.Equal("a", File.ReadAllText(Path.Combine(copy.Folder, "tokenizer", "vocab.txt")));
        Assert.NotNull(new FileInfo(Path.Combine(copy.Folder, "model.json")).LinkTarget);
        Assert.NotNull(new DirectoryInfo(Path.Combine(copy.Folder, "..data")).LinkTarget);
        Assert.NotNull(new DirectoryInfo(Path.Combine(copy.Folder, "tokenizer")).LinkTarget);
        data.Delete(recursive: true);
        Assert.Equal("a", File.ReadAllText(Path.Combine(copy.Folder, "tokenizer", "vocab.txt")));
    }

    [Fact]
    public void Files_behind_a_link_that_leads_out_of_the_package_are_copied()
    {
        var elsewhere = Directory.CreateTempSubdirectory("mtlstream-");
        File.WriteAllText(Path.Combine(elsewhere.FullName, "weights.bin"), "w");
        Directory.CreateSymbolicLink(Path.Combine(_package.FullName, "weights"), elsewhere.FullName);

        using var copy = PackageCopy.Of(_package.FullName);
        elsewhere.Delete(recursive: true);

        Assert.Equal("w", File.ReadAllText(Path.Combine(copy.Folder, "weights", "weights.bin")));
    }

    [Fact]
    public void What_a_killed_process_left_goes_with_the_next_copy_and_what_is_in_use_stays()
    {
        var abandoned = Directory.CreateTempSubdirectory("mtlstream-model-").FullName;
        File.WriteAllText(Path.Combine(abandoned, "weights.bin"), "w");
        File.WriteAllText(abandoned + ".lock", "");
        using var inUse = PackageCopy.Of(_package.FullName);

        using var copy = PackageCopy.Of(_package.FullName);

        Assert.False(Path.Exists(abandoned));
        Assert.False(Path.Exists(abandoned + ".lock"));
        Assert.True(Directory.Exists(inUse.Folder));
        Assert.True(File.Exists(inUse.Folder + ".lock"));
    }

    [Fact]
    public void Nothing_is_left_of_a_copy()
    {
        string folder;
        using (var copy = PackageCopy.Of(_package.FullName)) folder = copy.Folder;

        Assert.False(Path.Exists(folder));
        Assert.False(Path.Exists(folder + ".lock"));
    }
}
