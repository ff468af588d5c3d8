namespace MtlStream.Events;

/// <summary>Where texts may be in a document, in the order of preference. Immutable.</summary>
internal sealed class TextPointers
{
    /// <summary>Most pointers of one setting: a document is read once for all of them.</summary>
    public const int Most = 16;

    private readonly JsonPointer[] _pointers;

    /// <param name="pointers">At least one, at most <see cref="Most"/>.</param>
    /// <param name="separator">What stands between joined texts; null where the first text that is there is taken.</param>
    /// <param name="named">Whether an answer says which pointer led to its text.</param>
    public TextPointers(IReadOnlyList<JsonPointer> pointers, string? separator, bool named)
    {
        _pointers = [.. pointers];
        Separator = separator;
        Named = named;
    }

    public int Count => _pointers.Length;

    public string? Separator { get; }

    public bool Named { get; }

    public JsonPointer this[int index] => _pointers[index];

    /// <exception cref="ArgumentException">The options do not validate.</exception>
    public static TextPointers Of(InputOptions options)
    {
        var several = options.TextPointers.Count > 0;
        var pointers = new List<JsonPointer>();
        foreach (var text in several ? options.TextPointers : [options.TextPointer])
        {
            if (InputOptions.PointerProblem(text, out var pointer) is { } problem)
                throw new ArgumentException($"{(several ? "Input:TextPointers" : "Input:TextPointer")}: {problem}.", nameof(options));
            pointers.Add(pointer!);
        }
        var separator = options.TextSeparator.Replace("\\n", "\n", StringComparison.Ordinal).Replace("\\t", "\t", StringComparison.Ordinal);
        return new(pointers, several && options.JoinTexts ? separator : null, several);
    }

    /// <summary>The same for what a member holds, of those pointers that lead into it; null when none does.</summary>
    public TextPointers? Below(string member)
    {
        var below = _pointers.Select(p => p.Below(member)).OfType<JsonPointer>().ToList();
        return below.Count == 0 ? null : new(below, Separator, Named);
    }

    public override string ToString() => string.Join(", ", _pointers.Select(p => p.ToString()));
}
