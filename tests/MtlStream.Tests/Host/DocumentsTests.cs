using System.Text.RegularExpressions;

namespace MtlStream.Tests.Host;

/// <summary>What users read is short enough to be read aloud, and its links lead somewhere.</summary>
public sealed partial class DocumentsTests
{
    private const int MostWords = 30;
    private const int MostColumns = 100;
    private const int MostLinesOfTheReadme = 120;

    private static readonly string s_root = Root();

    public static TheoryData<string> Documents =>
    [
        "README.md", "CONTRIBUTING.md", "deploy/README.md", "training/README.md", "training/HISTORY.md",
        .. Directory.GetFiles(Path.Combine(s_root, "docs"), "*.md").Select(f => Path.GetRelativePath(s_root, f)).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void No_sentence_is_longer_than_a_breath(string document)
    {
        var tooLong = Sentences(File.ReadAllText(Path.Combine(s_root, document))).Where(s => Words(s) > MostWords);

        Assert.Empty(tooLong);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void No_line_of_prose_is_wider_than_a_screen(string document)
    {
        var prose = Prose(File.ReadAllText(Path.Combine(s_root, document))).Split('\n');
        var tooWide = prose.Where(line => !line.StartsWith('|') && Link().Replace(line, "$1").Length > MostColumns);

        Assert.Empty(tooWide);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Links_lead_somewhere(string document)
    {
        var folder = Path.GetDirectoryName(Path.Combine(s_root, document))!;
        var links = Target().Matches(File.ReadAllText(Path.Combine(s_root, document))).Select(m => m.Groups[1].Value);

        Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(folder, link)), link));
    }

    [Fact]
    public void The_first_page_is_read_in_three_minutes() =>
        Assert.InRange(File.ReadAllLines(Path.Combine(s_root, "README.md")).Length, 1, MostLinesOfTheReadme);

    [Fact]
    public void A_long_sentence_is_found()
    {
        var sentence = string.Join(' ', Enumerable.Repeat("word", MostWords + 1)) + ".";

        Assert.Equal([MostWords + 1, 2], Sentences($"{sentence} And another.").Select(Words));
    }

    /// <summary>Without code blocks; the cells of a table stand as paragraphs of their own.</summary>
    private static string Prose(string text) => CodeBlock().Replace(text, "\n\n");

    private static IEnumerable<string> Sentences(string text)
    {
        var paragraphs = Paragraph().Split(TableCell().Replace(Prose(text), "\n\n"));
        return paragraphs.SelectMany(p => SentenceEnd().Split(p.ReplaceLineEndings(" "))).Where(s => s.Length > 0);
    }

    private static int Words(string sentence) => sentence.Split(' ').Count(word => word.Any(char.IsLetterOrDigit));

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "MtlStream.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"(?<=^\|.*)\||^\|", RegexOptions.Multiline)]
    private static partial Regex TableCell();

    /// <summary>A blank line, a heading, or an item of a list.</summary>
    [GeneratedRegex(@"\n\s*\n|\n(?=#+ |- |\d+\. )|(?<=^#+ .*)\n", RegexOptions.Multiline)]
    private static partial Regex Paragraph();

    [GeneratedRegex(@"(?<=[.!?][""*_)`]*)\s+")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\]\(([^)#:]+)(?:#[^)]*)?\)")]
    private static partial Regex Target();
}
