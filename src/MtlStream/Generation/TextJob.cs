namespace MtlStream.Generation;

/// <summary>A text that is to be written, and how far it is. Not thread-safe.</summary>
internal sealed class TextJob
{
    private readonly bool _sourceCut;

    /// <param name="source">Tokens of the source.</param>
    /// <param name="sourceCut">Whether there were more.</param>
    /// <param name="limit">Most tokens of the text.</param>
    public TextJob(int[] source, bool sourceCut, GenerationRules rules, int beams, int limit)
    {
        Source = source;
        _sourceCut = sourceCut;
        Beams = beams;
        Limit = limit;
        Search = TextSearch.Of(rules, beams, limit);
    }

    public int[] Source { get; }
    public int Beams { get; }
    public int Limit { get; }
    public TextSearch Search { get; }

    /// <summary>Why there will be no text; null when there is nothing wrong.</summary>
    public Exception? Failure { get; set; }

    public bool IsOver => Failure is not null || Search.Found is not null;

    /// <summary>Whether not all of the source was read, or the text has no end of its own. Of a job that is over without a failure.</summary>
    public bool Truncated => _sourceCut || Search.Found!.Truncated;
}
