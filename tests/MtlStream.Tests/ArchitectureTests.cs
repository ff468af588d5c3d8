using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace MtlStream.Tests;

/// <summary>What the code may not grow into, read from the sources.</summary>
public sealed partial class ArchitectureTests
{
    private const int MostLines = 400;

    /// <summary>Folders of the core and what each may use; what lies in none of them puts them together and may use all.</summary>
    private static readonly Dictionary<string, string[]> s_rooms = new()
    {
        ["Json"] = [],
        ["Diagnostics"] = [],
        ["Text"] = [],
        ["Events"] = ["Json"],
        ["Tasks"] = ["Json", "Text"],
        ["Batching"] = ["Text"],
        ["Models"] = ["Batching", "Json", "Tasks", "Text"],
        ["Delivery"] = ["Diagnostics", "Events"],
        ["Generation"] = ["Models", "Text"],
        ["Results"] = ["Batching", "Events", "Generation", "Json", "Models", "Tasks", "Text"],
        ["Monitoring"] = ["Diagnostics", "Models", "Tasks", "Text"],
        ["Serving"] = ["Batching", "Diagnostics", "Models", "Monitoring", "Results", "Tasks", "Text"],
    };

    /// <summary>Beside the folders, and used by all of them.</summary>
    private static readonly string[] s_common = ["PooledArray", "UsageException"];

    /// <summary>Projects and what each may use.</summary>
    private static readonly Dictionary<string, string[]> s_projects = new()
    {
        ["MtlStream"] = [],
        ["MtlStream.Kafka"] = ["MtlStream"],
        ["MtlStream.Onnx"] = ["MtlStream"],
        ["MtlStream.Learning"] = ["MtlStream", "MtlStream.Onnx"],
        ["MtlStream.Bench"] = ["MtlStream", "MtlStream.Kafka"],
        ["MtlStream.Http"] = ["MtlStream"],
        ["MtlStream.Registry"] = ["MtlStream"],
        ["MtlStream.Host"] =
            ["MtlStream", "MtlStream.Bench", "MtlStream.Http", "MtlStream.Kafka", "MtlStream.Learning", "MtlStream.Onnx", "MtlStream.Registry"],
    };

    private static readonly string s_core = Path.Combine(Repository.Root, "src", "MtlStream");

    public static TheoryData<string> Rooms => [.. Directory.GetDirectories(s_core).Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj"))];

    [Fact]
    public void Folders_and_projects_use_each_other_one_way()
    {
        AssertOneWay(s_rooms);
        AssertOneWay(s_projects);
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_folder_of_the_core_uses_what_it_may(string room)
    {
        Assert.Contains(room, s_rooms);
        foreach (var file in Sources(Path.Combine(s_core, room)))
        {
            var used = UsedRoom().Matches(CodeOf(file)).Select(m => m.Groups[1].Value).Where(s_rooms.ContainsKey);
            Assert.Empty(used.Except([room, .. s_rooms[room]]).Select(other => $"{Name(file)} uses {other}"));
        }
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_folder_of_the_core_uses_nothing_that_puts_folders_together(string room)
    {
        var above = Directory.GetFiles(s_core, "*.cs").SelectMany(file => DeclaredType().Matches(CodeOf(file)))
            .Select(m => m.Groups[1].Value).Except(s_common).ToHashSet();
        Assert.Contains("AnalyticsPipeline", above);
        foreach (var file in Sources(Path.Combine(s_core, room)))
            Assert.Empty(Word().Matches(CodeOf(file)).Select(m => m.Value).Where(above.Contains).Select(type => $"{Name(file)} uses {type}"));
    }

    [Fact]
    public void Projects_use_what_they_may()
    {
        var projects = Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories);
        Assert.Equal(s_projects.Keys.Order(), projects.Select(p => Path.GetFileNameWithoutExtension(p)).Order());
        foreach (var project in projects)
        {
            var used = XDocument.Load(project).Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value));
            Assert.Empty(used.Except(s_projects[Path.GetFileNameWithoutExtension(project)]).Select(other => $"{Name(project)} uses {other}"));
        }
    }

    [Theory]
    [InlineData("Confluent.Kafka", "MtlStream.Kafka")]
    [InlineData("Confluent.SchemaRegistry", "MtlStream.Registry")]
    [InlineData("Spectre.Console", "MtlStream.Host")]
    [InlineData("System.CommandLine", "MtlStream.Host")]
    public void What_others_have_written_is_used_in_one_project(string name, string project)
    {
        var users = Sources(Path.Combine(Repository.Root, "src")).Where(file => CodeOf(file).Contains(name, StringComparison.Ordinal));

        Assert.All(users, file => Assert.StartsWith($"src/{project}/", Name(file), StringComparison.Ordinal));
        Assert.NotEmpty(users);
    }

    [Fact]
    public void Files_can_be_proofread()
    {
        var long_ = Everything().Where(file => File.ReadLines(file).Count() > MostLines).Select(file => $"{Name(file)} has more than {MostLines} lines");

        Assert.Empty(long_);
    }

    [Fact]
    public void A_class_is_in_one_file_and_partial_only_where_the_compiler_writes_the_rest()
    {
        var partial = Everything().Where(file => PartialType().IsMatch(CodeOf(file))).ToList();

        Assert.Empty(partial.Where(file => !Generated().IsMatch(CodeOf(file))).Select(file => $"{Name(file)} has a partial class that nothing is generated for"));
        var types = partial.SelectMany(file => PartialType().Matches(CodeOf(file)).Select(m => (Type: Namespace().Match(CodeOf(file)).Value + m.Groups[1].Value, File: Name(file))));
        Assert.Empty(types.Distinct().GroupBy(t => t.Type).Where(g => g.Count() > 1).Select(g => $"{g.Key} is in {string.Join(", ", g.Select(t => t.File))}"));
    }

    private static void AssertOneWay(Dictionary<string, string[]> uses)
    {
        var left = new Dictionary<string, string[]>(uses);
        while (left.Count > 0)
        {
            var free = left.Where(use => !use.Value.Any(left.ContainsKey)).Select(use => use.Key).ToList();
            Assert.True(free.Count > 0, $"in a circle: {string.Join(", ", left.Keys)}");
            foreach (var name in free) left.Remove(name);
        }
    }

    private static IEnumerable<string> Everything() => Sources(Path.Combine(Repository.Root, "src")).Concat(Sources(Path.Combine(Repository.Root, "tests")));

    private static IEnumerable<string> Sources(string folder) => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string Name(string file) => Path.GetRelativePath(Repository.Root, file);

    private static string CodeOf(string file) => Comment().Replace(File.ReadAllText(file), "");

    [GeneratedRegex(@"//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\bMtlStream\.(\w+)")]
    private static partial Regex UsedRoom();

    [GeneratedRegex(@"\b(?:class|record|struct|interface|enum) ([A-Z]\w*)")]
    private static partial Regex DeclaredType();

    [GeneratedRegex(@"\bpartial (?:class|record|struct|record struct|interface) (\w+)")]
    private static partial Regex PartialType();

    [GeneratedRegex(@"\[(LoggerMessage|GeneratedRegex|LibraryImport|JsonSerializable|OptionsValidator)\b")]
    private static partial Regex Generated();

    [GeneratedRegex(@"(?<=^namespace )[\w.]+", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}
