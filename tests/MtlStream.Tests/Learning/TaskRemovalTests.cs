using MtlStream.Learning.Teaching;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Learning;

/// <summary>A package without one of its tasks.</summary>
public sealed class TaskRemovalTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly string _parent = Directory.CreateTempSubdirectory("mtlstream-forget").FullName;

    private string Target => Path.Combine(_parent, "without");

    public void Dispose()
    {
        _package.Dispose();
        Directory.Delete(_parent, recursive: true);
    }

    [Theory]
    [InlineData("mood")]
    [InlineData("traits")]
    [InlineData("tags")]
    [InlineData("names")]
    public async Task The_others_answer_as_before(string task)
    {
        var before = await AnswersAsync(_package.Folder);

        var written = TaskRemoval.Write(_package.Manifest(), task, Target);

        Assert.Equal($"1.0.0+without-{task}", written.Version);
        var after = await AnswersAsync(Target);
        Assert.DoesNotContain(task, after.Keys);
        Assert.Equal(before.Where(a => a.Key != task).OrderBy(a => a.Key), after.OrderBy(a => a.Key));
    }

    [Fact]
    public void The_old_package_stays_as_it_is()
    {
        var before = Directory.GetFiles(_package.Folder).ToDictionary(f => f, File.ReadAllBytes);

        TaskRemoval.Write(_package.Manifest(), "mood", Target);

        Assert.Equal(before.Keys.Order(), Directory.GetFiles(_package.Folder).Order());
        Assert.All(before, file => Assert.Equal(file.Value, File.ReadAllBytes(file.Key)));
    }

    [Fact]
    public void A_task_that_is_not_there_and_a_folder_in_use_are_refused_and_nothing_is_written()
    {
        var unknown = Assert.Throws<UsageException>(() => TaskRemoval.Write(_package.Manifest(), "moods", Target));
        Assert.Contains("mood, traits, tags, names", unknown.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_parent));

        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Target).FullName, "mine"), "");
        Assert.Throws<UsageException>(() => TaskRemoval.Write(_package.Manifest(), "mood", Target));
        Assert.Equal(["without"], Directory.GetFileSystemEntries(_parent).Select(Path.GetFileName));
    }

    [Fact]
    public void When_the_disk_is_full_half_way_nothing_is_left()
    {
        var files = Directory.GetFiles(_package.Folder).ToDictionary(f => f, File.ReadAllBytes);

        Assert.Throws<IOException>(() => PackageCopy.Write(_package.Manifest(), Target, copy =>
        {
            File.WriteAllText(Path.Combine(copy.Folder, "half"), "");
            throw new IOException("No space left on device");
        }));

        Assert.Empty(Directory.GetFileSystemEntries(_parent));
        Assert.All(files, file => Assert.Equal(file.Value, File.ReadAllBytes(file.Key)));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_named_before_the_work()
    {
        var file = Path.Combine(_parent, "file");
        File.WriteAllText(file, "");

        Assert.Contains("found a file", Refusal(file), StringComparison.Ordinal);
        Assert.Contains("cannot write to", Refusal(Path.Combine(file, "within")), StringComparison.Ordinal);
        Assert.Contains("in the folder of the package that is read", Refusal(_package.Folder), StringComparison.Ordinal);
        Assert.Contains("in the folder of the package that is read", Refusal(Path.Combine(_package.Folder, "new")), StringComparison.Ordinal);

        string Refusal(string folder) => Assert.Throws<UsageException>(() => PackageWriter.Check(_package.Manifest(), "new", folder)).Message;
    }

    [Fact]
    public void The_only_task_is_not_forgotten()
    {
        var (current, folder) = (_package.Manifest(), _package.Folder);
        foreach (var task in new[] { "mood", "traits", "tags" })
        {
            folder = Path.Combine(_parent, task);
            current = TaskRemoval.Write(current, task, folder);
        }

        Assert.Contains("only task", Assert.Throws<UsageException>(() => TaskRemoval.Write(current, "names", Target)).Message, StringComparison.Ordinal);
    }

    /// <summary>What a package says of one text, by task.</summary>
    private static async Task<Dictionary<string, string>> AnswersAsync(string folder)
    {
        using var annotator = TextAnnotator.Load(new ModelOptions { Path = folder, Device = "cpu" });
        var found = await annotator.AnnotateAsync("so happy that Angela Merkel visited Paris");
        return found.Tasks!.Value.EnumerateObject().ToDictionary(t => t.Name, t => t.Value.GetRawText());
    }
}
