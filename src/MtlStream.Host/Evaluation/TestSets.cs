using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text;

namespace MtlStream.Host.Evaluation;

/// <summary>A text and the names of its true labels.</summary>
internal sealed record LabelledText(string Text, IReadOnlyList<string> Labels);

/// <summary>A word of the treebank with its tag: UPOS or BIO.</summary>
/// <param name="Start">UTF-16 range [Start, End) of the text; the whole token where the word is not spelled out in it; -1 where it is not found.</param>
internal sealed record TaggedWord(string Form, int Start, int End, string Tag);

/// <summary>A sentence as people wrote it and as the treebank splits it.</summary>
internal sealed record TaggedText(string Text, IReadOnlyList<TaggedWord> Words);

/// <summary>The public test sets, read as their authors published them from a folder laid out as <c>training/data.md</c> says.</summary>
/// <remarks>The training's own readers (<c>training/mtltrain/corpora.py</c>) clean the same texts in the same way.</remarks>
internal static partial class TestSets
{
    /// <summary>UD English-EWT: words with UPOS tags.</summary>
    public static List<TaggedText> Treebank(string data)
    {
        var sentences = new List<TaggedText>();
        var (text, rows) = ("", new List<string[]>());
        foreach (var line in Lines(data, "ud_english-ewt/en_ewt-ud-test.conllu.gz").Append(""))
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

    /// <summary>UNER English-EWT: the same sentences with names as BIO tags.</summary>
    /// <param name="labels">Those that the model knows; others, such as a stray OTH, are outside.</param>
    public static List<TaggedText> Names(string data, IReadOnlyList<string> labels)
    {
        var sentences = new List<TaggedText>();
        var (text, words, at) = ("", new List<TaggedWord>(), 0);
        foreach (var line in Lines(data, "uner_english-ewt/en_ewt-ud-test.iob2.gz").Append(""))
        {
            if (line.StartsWith("# text = ", StringComparison.Ordinal)) (text, at) = (line[9..], 0);
            else if (line.Length > 0 && !line.StartsWith("# ", StringComparison.Ordinal))
            {
                var columns = line.Split('\t');
                var start = text.IndexOf(columns[1], at, StringComparison.Ordinal);
                if (start >= 0) at = start + columns[1].Length;
                words.Add(new(columns[1], start, at, labels.Contains(columns[2]) ? columns[2] : "O"));
            }
            else if (line.Length == 0 && words.Count > 0)
            {
                sentences.Add(new(text, words));
                words = [];
            }
        }

        return sentences;
    }

    /// <summary>SemEval-2017 task 4A: tweets, negative neutral positive.</summary>
    public static List<LabelledText> Sentiment(string data)
    {
        var seen = new HashSet<string>();
        var texts = new List<LabelledText>();
        foreach (var line in Lines(data, "semeval2017_task4a/dataset/Subtask_A/gold/SemEval2017-task4-test.subtask-A.english.txt"))
        {
            var columns = line.Split('\t', 3);
            if (columns.Length == 3 && columns[2] != "Not Available" && seen.Add(columns[0])) texts.Add(new(Unescape(columns[2]).Trim(), [columns[1]]));
        }

        return texts;
    }

    /// <summary>GoEmotions: comments with any number of 28 labels.</summary>
    public static List<LabelledText> Emotions(string data)
    {
        var labels = Lines(data, "goemotions/data/original/labels.txt").Where(l => l.Length > 0).ToArray();
        return
        [
            .. Lines(data, "goemotions/data/original/test.tsv").Where(l => !string.IsNullOrWhiteSpace(l)).Select(l => l.Split('\t'))
                .Select(c => new LabelledText(c[0], [.. c[1].Split(',').Select(i => labels[int.Parse(i, CultureInfo.InvariantCulture)])])),
        ];
    }

    /// <summary>20 Newsgroups by date: posts without header, quotes and signature.</summary>
    public static List<LabelledText> Topics(string data)
    {
        using var archive = new TarReader(new GZipStream(Open(data, "20newsgroups/20news-bydate.tar.gz"), CompressionMode.Decompress));
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
    public static List<LabelledText> Intents(string data)
    {
        using var file = Open(data, "clinc150/data/data_full.json");
        using var document = JsonDocument.Parse(file);
        return
        [
            .. document.RootElement.GetProperty("test").EnumerateArray().Select(q => new LabelledText(q[0].GetString()!, [q[1].GetString()!])),
            .. document.RootElement.GetProperty("oos_test").EnumerateArray().Select(q => new LabelledText(q[0].GetString()!, [])),
        ];
    }

    /// <summary>TweetEval offensive: tweets, no or yes.</summary>
    public static List<LabelledText> Offensive(string data)
    {
        var texts = Lines(data, "tweeteval/datasets/offensive/test_text.txt");
        var labels = Lines(data, "tweeteval/datasets/offensive/test_labels.txt");
        return
        [
            .. texts.Zip(labels).Where(p => !string.IsNullOrWhiteSpace(p.Second))
                .Select(p => new LabelledText(Unescape(p.First).Trim(), [p.Second.Trim() == "1" ? "yes" : "no"])),
        ];
    }

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

    private static string[] Lines(string data, string path)
    {
        using var file = Open(data, path);
        using var reader = new StreamReader(path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file);
        return reader.ReadToEnd().Split('\n');
    }

    /// <exception cref="UsageException">The file is not there.</exception>
    private static FileStream Open(string data, string path)
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
