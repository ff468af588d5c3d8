using System.Text.Json;
using System.Text.RegularExpressions;

namespace MtlStream.Learning.Meaning;

/// <summary>A question about a text, and what people answered; nothing where the text does not say.</summary>
public sealed record AskedText(string Text, string Question, IReadOnlyList<string> Answers);

/// <summary>A sentence, and which of its words its short form has.</summary>
/// <param name="Words">Words in UTF-16 units, [Start, End), and whether each is kept.</param>
public sealed record ShortenedText(string Text, IReadOnlyList<(int Start, int End, bool Kept)> Words);

/// <summary>A text and summaries that people wrote of it.</summary>
/// <param name="Sentences">Of the text, in order.</param>
public sealed record SummedUpText(string Text, IReadOnlyList<string> Sentences, IReadOnlyList<string> Summaries);

/// <summary>What was said, and what was said next.</summary>
public sealed record Exchange(string Said, string Next);

/// <summary>Reads test sets of the tasks that answer, shorten and reply.</summary>
/// <remarks>Parts as in <c>training/mtltrain</c>: by a hash of the paragraph, the sentence or the conversation.</remarks>
internal sealed partial class MeaningSets(TestSetReader reader)
{
    private const int TestParagraphs = 20, TestSentences = 10, TestConversations = 5; // of a hundred
    private const int Unanswered = 4;       // one of so many questions is asked of another text too
    private const int Candidates = 10;      // texts after its own, of which the most like is taken
    private const int ShortestConversation = 5, Before = 3, Every = 4;

    private static readonly string[] s_asked = ["squadshifts", "qamr"];
    private static readonly string[] s_shortened = ["compression"];
    private static readonly string[] s_summedUp = ["scitldr", "bbc"];
    private static readonly string[] s_exchanges = ["self_dialogue"];

    public static IReadOnlyCollection<string> Kinds { get; } = [.. s_asked, .. s_shortened, .. s_summedUp, .. s_exchanges];

    /// <exception cref="UsageException">A file is missing, or the set is one of another kind.</exception>
    public List<AskedText> Asked(TestSet set)
    {
        Expect(set, s_asked);
        return set.Reader == "qamr" ? WithUnanswered(Qamr(set.Files)) : [.. set.Files.SelectMany(file => WithUnanswered(Shifts(file)))];
    }

    /// <inheritdoc cref="Asked"/>
    public List<ShortenedText> Shortened(TestSet set)
    {
        Expect(set, s_shortened);
        var rows = Rows(set.Files[0]).Skip(1).Select(row => (Original: row[0].GetString()!, Short: row[1].GetString()!));
        return [.. rows.Where(row => TestSetReader.PartOf(row.Original) < TestSentences).Select(row => Kept(row.Original, row.Short))];
    }

    /// <inheritdoc cref="Asked"/>
    public List<SummedUpText> SummedUp(TestSet set)
    {
        Expect(set, s_summedUp);
        return set.Reader == "bbc" ? Bbc(set.Files[0], set.Files[1]) : [.. Rows(set.Files[0]).Select(Abstract)];
    }

    /// <inheritdoc cref="Asked"/>
    public List<Exchange> Exchanges(TestSet set)
    {
        Expect(set, s_exchanges);
        var exchanges = new List<Exchange>();
        foreach (var row in Rows(set.Files[0]))
        {
            var turns = Texts(row.GetProperty("turns")).Select(t => t.Trim()).Where(t => t.Length > 0).ToList();
            if (turns.Count < ShortestConversation || TestSetReader.PartOf(string.Join('\n', turns)) >= TestConversations) continue;
            var number = 0;
            for (var at = Before; at < turns.Count; at += Every)
                exchanges.Add(new(string.Join(' ', turns[(number++ % 2 == 1 ? at - 1 : at - Before)..at]), turns[at]));
        }

        return exchanges;
    }

    /// <summary>SQuADShifts: questions about paragraphs.</summary>
    private List<AskedText> Shifts(string file) =>
    [
        .. Rows(file).Select(row => (Row: row, Text: row.GetProperty("text").GetString()!))
            .Where(r => TestSetReader.PartOf(r.Text) < TestParagraphs)
            .Select(r => new AskedText(r.Text, r.Row.GetProperty("question").GetString()!, [.. r.Row.GetProperty("answers").EnumerateArray().Select(a => a[1].GetString()!)])),
    ];

    /// <summary>QAMR: questions about single sentences, whose words are those of a treebank.</summary>
    private List<AskedText> Qamr(IReadOnlyList<string> files)
    {
        var sentences = reader.Lines(files[1]).Select(l => l.Split('\t')).Where(c => c.Length > 1)
            .GroupBy(c => c[0]).ToDictionary(g => g.Key, g => TreebankText.Of(g.Last()[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        var asked = new List<AskedText>();
        foreach (var columns in reader.Lines(files[0]).Select(l => l.Split('\t')))
        {
            if (columns.Length < 7 || columns[6].Trim().Length == 0 || !sentences.TryGetValue(columns[0], out var sentence)) continue;
            // What the asker marked first, then what others marked who answered the question.
            var marked = columns[7..].Select(c => c[(c.IndexOf(':', StringComparison.Ordinal) + 1)..]).Prepend(columns[6]).Select(c => c.Trim()).Where(c => Places().IsMatch(c));
            var spans = marked.Select(c => c.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToList());
            List<string> answers = [.. spans.Where(s => s.Max() - s.Min() < s.Count + 2).Select(s => sentence.Range(s.Min(), s.Max()))];
            if (answers.Count > 0) asked.Add(new(sentence.Text, columns[5], answers));
        }

        return asked;
    }

    /// <summary>With questions that the text does not answer: of the texts that follow, the one that shares most words with the question.</summary>
    private static List<AskedText> WithUnanswered(List<AskedText> asked)
    {
        var texts = asked.Select(a => a.Text).Distinct().ToList();
        if (texts.Count < 2) return asked;
        var places = texts.Select((text, place) => (text, place)).ToDictionary(t => t.text, t => t.place);
        var words = texts.Select(t => AnswerWords.Of(t).ToHashSet()).ToList();
        var others = new List<AskedText>();
        for (var i = 0; i < asked.Count; i += Unanswered)
        {
            var question = AnswerWords.Of(asked[i].Question).ToHashSet();
            var candidates = Enumerable.Range(1, Math.Min(Candidates, texts.Count - 1)).Select(step => (places[asked[i].Text] + step) % texts.Count);
            var most = candidates.MaxBy(place => question.Count(words[place].Contains));
            others.Add(new(texts[most], asked[i].Question, []));
        }

        return [.. asked, .. others];
    }

    /// <summary>Words that both have, by the longest sequence that they share.</summary>
    private static ShortenedText Kept(string original, string shortened)
    {
        var (words, others) = (Words(original), Words(shortened));
        var lengths = new int[words.Count + 1, others.Count + 1];
        for (var i = words.Count - 1; i >= 0; i--)
            for (var j = others.Count - 1; j >= 0; j--)
                lengths[i, j] = Same(i, j) ? lengths[i + 1, j + 1] + 1 : Math.Max(lengths[i + 1, j], lengths[i, j + 1]);
        var kept = words.Select(w => (w.Start, w.End, Kept: false)).ToList();
        for (var (i, j) = (0, 0); i < words.Count && j < others.Count;)
        {
            if (Same(i, j))
            {
                kept[i] = kept[i] with { Kept = true };
                i++;
                j++;
            }
            else if (lengths[i + 1, j] >= lengths[i, j + 1])
            {
                i++;
            }
            else
            {
                j++;
            }
        }

        return new(original, kept);

        bool Same(int i, int j) => original.AsSpan(words[i].Start, words[i].End - words[i].Start)
            .Equals(shortened.AsSpan(others[j].Start, others[j].End - others[j].Start), StringComparison.OrdinalIgnoreCase);
    }

    private static List<(int Start, int End)> Words(string text) => [.. NotBlank().Matches(text).Select(m => (m.Index, m.Index + m.Length))];

    private static SummedUpText Abstract(JsonElement row)
    {
        var sentences = Texts(row.GetProperty("source")).ToList();
        return new(string.Join(' ', sentences), sentences, [.. Texts(row.GetProperty("target"))]);
    }

    /// <summary>Articles and their summaries, a sentence a line; the headline is left out.</summary>
    private List<SummedUpText> Bbc(string articles, string summaries) =>
    [
        .. reader.FilesIn(articles, "*.txt").Select(file =>
        {
            var sentences = reader.Lines(Path.Combine(articles, file)).Select(l => l.Trim()).Where(l => l.Length > 0).Skip(1).ToList();
            return new SummedUpText(string.Join(' ', sentences), sentences, [string.Join(' ', reader.Lines(Path.Combine(summaries, file)).Select(l => l.Trim()))]);
        }),
    ];

    private IEnumerable<JsonElement> Rows(string file) =>
        reader.Lines(file).Where(l => l.Length > 0).Select(l => JsonDocument.Parse(l).RootElement.Clone());

    private static IEnumerable<string> Texts(JsonElement array) => array.EnumerateArray().Select(t => t.GetString()!);

    private static void Expect(TestSet set, string[] readers)
    {
        if (!readers.Contains(set.Reader))
            throw new UsageException($"the reader {set.Reader} gives something else, expected one of {string.Join(", ", readers)}.");
    }

    [GeneratedRegex(@"^[0-9 ]+$")]
    private static partial Regex Places();

    [GeneratedRegex(@"\S+")]
    private static partial Regex NotBlank();
}
