namespace MtlStream.Tasks;

/// <summary>A span of words.</summary>
/// <param name="First">Index of its first word.</param>
/// <param name="End">Index of the word behind it.</param>
/// <param name="Type">Index in <see cref="BioLabels.Types"/>.</param>
public readonly record struct WordSpan(int First, int End, int Type);

/// <summary>Labels that say which words make up a span: <c>O</c> for none, <c>B-type</c> where one begins, <c>I-type</c> where it goes on.</summary>
/// <remarks>Where a model leaves the beginning out, a span begins at the <c>I-</c> that follows something else, as in conlleval.</remarks>
public sealed class BioLabels
{
    /// <summary>The type of a label that is part of no span.</summary>
    public const int Outside = -1;

    private readonly int[] _types;
    private readonly bool[] _begins;

    /// <exception cref="InvalidDataException">A label is none of the three.</exception>
    public BioLabels(IReadOnlyList<string> labels)
    {
        var names = new List<string>();
        _types = new int[labels.Count];
        _begins = new bool[labels.Count];
        for (var i = 0; i < labels.Count; i++)
        {
            if (!IsOne(labels[i])) throw new InvalidDataException($"The label \"{labels[i]}\" is neither O nor B-type nor I-type.");
            _types[i] = Outside;
            if (labels[i] == "O") continue;
            var type = labels[i][2..];
            if (!names.Contains(type)) names.Add(type);
            _types[i] = names.IndexOf(type);
            _begins[i] = labels[i][0] == 'B';
        }

        Types = names;
    }

    /// <summary>Names of the types, in the order in which the labels name them first.</summary>
    public IReadOnlyList<string> Types { get; }

    /// <summary>Index in <see cref="Types"/>, or <see cref="Outside"/>.</summary>
    public int TypeOf(int label) => _types[label];

    /// <summary>True for <c>B-type</c>.</summary>
    public bool Begins(int label) => _begins[label];

    public static bool IsOne(string label) =>
        label == "O" || (label.Length > 2 && label[1] == '-' && label[0] is 'B' or 'I');

    /// <summary>Appends the spans that the words' labels make up, in order.</summary>
    /// <param name="labels">Label id of each word.</param>
    public void AddSpans(ReadOnlySpan<int> labels, List<WordSpan> spans)
    {
        for (var word = 0; word < labels.Length;)
        {
            var type = _types[labels[word]];
            var first = word++;
            if (type == Outside) continue;
            while (word < labels.Length && _types[labels[word]] == type && !_begins[labels[word]]) word++;
            spans.Add(new(first, word, type));
        }
    }
}
