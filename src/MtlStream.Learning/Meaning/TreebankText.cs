using System.Text;

namespace MtlStream.Learning.Meaning;

/// <summary>Words of a treebank as they are usually written, with each one's range.</summary>
internal sealed class TreebankText
{
    private static readonly Dictionary<string, string> s_marks = new()
    {
        ["-LRB-"] = "(", ["-RRB-"] = ")", ["-LSB-"] = "[", ["-RSB-"] = "]", ["-LCB-"] = "{", ["-RCB-"] = "}", ["``"] = "\"", ["''"] = "\"",
    };

    private static readonly HashSet<string> s_noSpaceBefore =
        [".", ",", ";", ":", "!", "?", ")", "]", "}", "%", "n't", "'s", "'re", "'ve", "'m", "'ll", "'d", "'"];

    private readonly List<(int Start, int End)> _places = [];

    private TreebankText(string text) => Text = text;

    public string Text { get; private init; }

    public static TreebankText Of(IReadOnlyList<string> words)
    {
        var text = new StringBuilder();
        var places = new List<(int, int)>();
        var (glued, open) = (true, false);
        foreach (var word in words)
        {
            var shown = s_marks.GetValueOrDefault(word, word);
            var closing = word == "''" || (shown == "\"" && open);
            if (shown == "\"") open = !closing;
            if (!glued && !closing && !s_noSpaceBefore.Contains(shown)) text.Append(' ');
            places.Add((text.Length, text.Length + shown.Length));
            text.Append(shown);
            glued = shown is "(" or "[" or "{" or "$" || (shown == "\"" && !closing);
        }

        var made = new TreebankText(text.ToString());
        made._places.AddRange(places);
        return made;
    }

    /// <summary>From the first word to the last one.</summary>
    public string Range(int first, int last) => Text[_places[first].Start.._places[last].End];
}
