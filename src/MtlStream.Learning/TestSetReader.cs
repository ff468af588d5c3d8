using System.Buffers.Binary;
using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using MtlStream.Learning.Meaning;

namespace MtlStream.Learning;

/// <summary>A text and the names of its true labels.</summary>
public sealed record LabelledText(string Text, IReadOnlyList<string> Labels);

/// <summary>A word with its tag: a part of speech, or BIO.</summary>
/// <param name="Start">UTF-16 range [Start, End) of the text; the whole token where the word is not spelled out in it; -1 where it is not found.</param>
public sealed record TaggedWord(string Form, int Start, int End, string Tag);

/// <summary>A sentence as people wrote it and as the corpus splits it.</summary>
public sealed record TaggedText(string Text, IReadOnlyList<TaggedWord> Words);

/// <summary>Reads test sets as their authors published them, from a folder laid out as <c>training/data.md</c> says.</summary>
/// <remarks>The training's own readers (<c>training/mtltrain/corpora.py</c>) clean the same texts in the same way.</remarks>
/// <param name="data">The folder.</param>
public sealed partial class TestSetReader(string data)
{
    private static readonly Dictionary<string, Func<TestSetReader, TestSet, List<LabelledText>>> s_texts = new()
    {
        ["semeval"] = (reader, set) => reader.SemEval(set.Files[0]),
        ["numbered_labels"] = (reader, set) => reader.NumberedLabels(set.Files[0], set.Files[1]),
        ["newsgroups"] = (reader, set) => reader.Newsgroups(set.Files[0]),
        ["clinc"] = (reader, set) => reader.Clinc(set.Files[0]),
        ["languages"] = (reader, set) => reader.Languages(set.Files[0], set.Labels),
        ["text_and_label_lines"] = (reader, set) => reader.TextAndLabelLines(set.Files[0], set.Files[1], set.Labels),
    };

    private const string NearlyCroatian = "bos"; // as good as nobody can tell it from Croatian
    private const int TestParts = 10;

    // One code where the corpus has several for one language.
    private static readonly Dictionary<string, string> s_languageNames = new()
    {
        ["lvs"] = "lav", ["zsm"] = "msa", ["cmn"] = "zho", ["pes"] = "fas", ["arb"] = "ara", ["arz"] = "ara", ["swh"] = "swa", ["fil"] = "tgl",
    };

    private static readonly Dictionary<string, Func<TestSetReader, TestSet, List<TaggedText>>> s_sentences = new()
    {
        ["conllu"] = (reader, set) => reader.Conllu(set.Files[0]),
        ["iob2"] = (reader, set) => reader.Iob2(set.Files[0]),
    };

    /// <summary>The names of all readers.</summary>
    public static IReadOnlyCollection<string> Kinds { get; } = [.. s_texts.Keys, .. s_sentences.Keys, .. MeaningSets.Kinds];

    /// <summary>Texts with labels.</summary>
    /// <exception cref="UsageException">A file is missing, or the set is one of sentences.</exception>
    public List<LabelledText> Texts(TestSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return s_texts.TryGetValue(set.Reader, out var read) ? read(this, set)
            : throw new UsageException($"the reader {set.Reader} gives sentences, expected texts with labels.");
    }

    /// <summary>Sentences with tagged words.</summary>
    /// <param name="labels">Those that the model knows; BIO tags that are not among them are outside. Null to keep all.</param>
    /// <exception cref="UsageException">A file is missing, or the set is one of texts.</exception>
    public List<TaggedText> Sentences(TestSet set, IReadOnlyList<string>? labels = null)
    {
        ArgumentNullException.ThrowIfNull(set);
        if (!s_sentences.TryGetValue(set.Reader, out var read))
            throw new UsageException($"the reader {set.Reader} gives texts with labels, expected sentences.");
        var sentences = read(this, set);
        if (labels is null || set.Reader != "iob2") return sentences;
        return
        [
            .. sentences.Select(s => s with { Words = [.. s.Words.Select(w => labels.Contains(w.Tag) ? w : w with { Tag = "O" })] }),
        ];
    }

    /// <summary>The text alone of every item, whatever it is labelled with.</summary>
    public IEnumerable<string> Raw(TestSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        return s_texts.ContainsKey(set.Reader) ? Texts(set).Select(t => t.Text) : Sentences(set).Select(s => s.Text);
    }

    /// <summary>CoNLL-U: words with parts of speech.</summary>
    private List<TaggedText> Conllu(string path)
    {
        var sentences = new List<TaggedText>();
        var (text, rows) = ("", new List<string[]>());
        foreach (var line in Lines(path).Append(""))
        {
            if (line.StartsWith("# text = ", StringComparison.Ordinal)) text = line[9..];
            else if (line.Length > 0 && line[0] != '#') rows.Add(line.Split('\t'));
            else if (line.Length == 0 && rows.Count > 0)
            {
                sentences.Add(new(text, Place(text, rows)));
                rows = [];
            }
        }

        return sentences;
    }

    /// <summary>Universal NER: sentences with names as BIO tags.</summary>
    private List<TaggedText> Iob2(string path)
    {
        var sentences = new List<TaggedText>();
        var (text, words, at) = ("", new List<TaggedWord>(), 0);
        foreach (var line in Lines(path).Append(""))
        {
            if (line.StartsWith("# text = ", StringComparison.Ordinal)) (text, at) = (line[9..], 0);
            else if (line.Length > 0 && !line.StartsWith("# ", StringComparison.Ordinal))
            {
                var columns = line.Split('\t');
                var start = text.IndexOf(columns[1], at, StringComparison.Ordinal);
                if (start >= 0) at = start + columns[1].Length;
                words.Add(new(columns[1], start, at, columns[2]));
            }
            else if (line.Length == 0 && words.Count > 0)
            {
                sentences.Add(new(text, words));
                words = [];
            }
        }

        return sentences;
    }

    /// <summary>SemEval 4A: number, label and tweet; a number that comes again is left out.</summary>
    private List<LabelledText> SemEval(string path)
    {
        var seen = new HashSet<string>();
        var texts = new List<LabelledText>();
        foreach (var line in Lines(path))
        {
            var columns = line.Split('\t', 3);
            if (columns.Length == 3 && columns[2] != "Not Available" && seen.Add(columns[0])) texts.Add(new(Unescape(columns[2]).Trim(), [columns[1]]));
        }

        return texts;
    }

    /// <summary>Text and the numbers of its labels, separated by commas; their names are the lines of another file.</summary>
    private List<LabelledText> NumberedLabels(string texts, string names)
    {
        var labels = Lines(names).Where(l => l.Length > 0).ToArray();
        return
        [
            .. Lines(texts).Where(l => !string.IsNullOrWhiteSpace(l)).Select(l => l.Split('\t'))
                .Select(c => new LabelledText(c[0], [.. c[1].Split(',').Select(i => labels[Number(i)])])),
        ];
    }

    /// <summary>20 Newsgroups by date: posts without header, quotes and signature, labelled with their folder.</summary>
    private List<LabelledText> Newsgroups(string path)
    {
        using var archive = new TarReader(new GZipStream(Open(path), CompressionMode.Decompress));
        var posts = new List<LabelledText>();
        while (archive.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is not { } content || !entry.Name.Contains("20news-bydate-test/", StringComparison.Ordinal)) continue;
            using var reader = new StreamReader(content, Encoding.Latin1);
            posts.Add(new(CleanPost(reader.ReadToEnd()), [entry.Name.Split('/')[^2]]));
        }

        return posts;
    }

    /// <summary>CLINC150: queries in scope with one of 150 intents, and queries out of scope with none.</summary>
    private List<LabelledText> Clinc(string path)
    {
        using var file = Open(path);
        using var document = JsonDocument.Parse(file);
        return
        [
            .. document.RootElement.GetProperty("test").EnumerateArray().Select(q => new LabelledText(q[0].GetString()!, [q[1].GetString()!])),
            .. document.RootElement.GetProperty("oos_test").EnumerateArray().Select(q => new LabelledText(q[0].GetString()!, [])),
        ];
    }

    /// <summary>Sentences with their language: ten of a hundred, by a hash of the sentence. A language that is no label is "other".</summary>
    private List<LabelledText> Languages(string path, IReadOnlyList<string> labels)
    {
        var languages = new Dictionary<string, string>();
        foreach (var line in Lines(path).Where(l => l.Length > 0))
        {
            using var document = JsonDocument.Parse(line);
            var (text, code) = (document.RootElement.GetProperty("text").GetString()!, document.RootElement.GetProperty("language").GetString()!);
            var name = s_languageNames.GetValueOrDefault(code, code);
            if (code != NearlyCroatian && !string.IsNullOrWhiteSpace(text)) languages[text] = labels.Contains(name) ? name : "other";
        }

        return [.. languages.Where(l => PartOf(l.Key) < TestParts).Select(l => new LabelledText(l.Key, [l.Value]))];
    }

    /// <summary>As <c>training/mtltrain/splits.py</c>: 0 to 99.</summary>
    internal static int PartOf(string text) => (int)(BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) % 100);

    /// <summary>TweetEval: one file of tweets, one of the numbers of their labels.</summary>
    private List<LabelledText> TextAndLabelLines(string texts, string numbers, IReadOnlyList<string> labels) =>
    [
        .. Lines(texts).Zip(Lines(numbers)).Where(p => !string.IsNullOrWhiteSpace(p.Second))
            .Select(p => new LabelledText(Unescape(p.First).Trim(), [labels[Number(p.Second.Trim())]])),
    ];

    /// <summary>Removes header, quoted lines and signature, in the way of scikit-learn's <c>strip_newsgroup_*</c>; white space becomes single blanks.</summary>
    internal static string CleanPost(string post)
    {
        var header = post.IndexOf("\n\n", StringComparison.Ordinal);
        var body = header < 0 ? "" : post[(header + 2)..];
        var lines = string.Join('\n', body.Split('\n').Where(l => !Quote().IsMatch(l))).Trim().Split('\n');
        var signature = Array.FindLastIndex(lines, l => l.Trim().Trim('-').Length == 0);
        return Space().Replace(string.Join('\n', signature > 0 ? lines[..signature] : lines), " ").Trim();
    }

    /// <summary>Tweets carry HTML entities, escaped code points and doubled quotes.</summary>
    internal static string Unescape(string text)
    {
        text = Escape().Replace(text, m => ((char)Convert.ToUInt16(m.Groups[1].Value, 16)).ToString());
        text = text.Replace("\"\"", "\"", StringComparison.Ordinal).Replace("\\'", "'", StringComparison.Ordinal);
        text = WebUtility.HtmlDecode(WebUtility.HtmlDecode(text));
        return Encoding.Unicode.GetString(Encoding.Unicode.GetBytes(text)); // unpaired surrogates become U+FFFD
    }

    private static List<TaggedWord> Place(string text, List<string[]> rows)
    {
        var words = new List<TaggedWord>();
        var (at, last, tokenStart, tokenEnd) = (0, 0, 0, 0);
        foreach (var row in rows)
        {
            if (row[0].Split('-') is [_, var end])
            {
                tokenStart = at = text.IndexOf(row[1], at, StringComparison.Ordinal);
                (last, tokenEnd) = (Number(end), tokenStart + row[1].Length);
            }
            else if (!row[0].Contains('.', StringComparison.Ordinal))
            {
                var (number, form) = (Number(row[0]), row[1]);
                if (number <= last)
                {
                    var start = text.IndexOf(form, at, tokenEnd - at, StringComparison.Ordinal);
                    var range = start < 0 ? (tokenStart, tokenEnd) : (start, start + form.Length);
                    words.Add(new(form, range.Item1, range.Item2, row[3]));
                    at = number < last ? range.Item2 : tokenEnd;
                }
                else
                {
                    var start = text.IndexOf(form, at, StringComparison.Ordinal);
                    at = start + form.Length;
                    words.Add(new(form, start, at, row[3]));
                }
            }
        }

        return words;
    }

    private static int Number(string id) => int.Parse(id, CultureInfo.InvariantCulture);

    internal string[] Lines(string path)
    {
        using var file = Open(path);
        using var reader = new StreamReader(path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file);
        return reader.ReadToEnd().Split('\n');
    }

    /// <summary>Paths of the files below a folder, relative to it, in order.</summary>
    /// <exception cref="UsageException">The folder is not there.</exception>
    internal List<string> FilesIn(string folder, string pattern)
    {
        var full = Path.Combine(data, folder);
        if (!Directory.Exists(full)) throw new UsageException($"{full} is missing: expected the test sets as training/data.md lays them out.");
        return [.. Directory.EnumerateFiles(full, pattern, SearchOption.AllDirectories).Select(f => Path.GetRelativePath(full, f)).Order(StringComparer.Ordinal)];
    }

    /// <exception cref="UsageException">The file is not there.</exception>
    private FileStream Open(string path)
    {
        var full = Path.Combine(data, path);
        if (!File.Exists(full)) throw new UsageException($"{full} is missing: expected the test sets as training/data.md lays them out.");
        return File.OpenRead(full);
    }

    [GeneratedRegex(@"writes in|writes:|wrote:|says:|said:|^In article|^Quoted from|^\||^>")]
    private static partial Regex Quote();

    [GeneratedRegex(@"[\s\x1c-\x1f]+")]
    private static partial Regex Space();

    [GeneratedRegex(@"\\u([0-9a-fA-F]{4})")]
    private static partial Regex Escape();
}
