namespace MtlStream.Events;

/// <summary>What a codec made of a payload: a text, or several, or why there is none, or "not now".</summary>
/// <remarks>The text is meaningful only where none of the others is given.</remarks>
public readonly struct Decoding
{
    private Decoding(LocatedText text, SeveralTexts? several, Problem? problem, NotNow? notNow)
    {
        Text = text;
        Several = several;
        Problem = problem;
        NotNow = notNow;
    }

    public LocatedText Text { get; }

    /// <summary>Where the payload holds several events.</summary>
    public SeveralTexts? Several { get; }

    public Problem? Problem { get; }

    public NotNow? NotNow { get; }

    public static Decoding Found(LocatedText text) => new(text, null, null, null);

    public static Decoding Many(SeveralTexts several) => new(default, several, null, null);

    public static Decoding Refused(Problem problem) => new(default, null, problem, null);

    public static Decoding Later(NotNow notNow) => new(default, null, null, notNow);

    /// <summary>The same of a text that was found in other bytes than the payload's own, which are carried in their place.</summary>
    internal Decoding Carrying(byte[] bytes, byte[]? payload = null)
    {
        if (Problem is not null || NotNow is not null || ReferenceEquals(bytes, payload)) return this;
        if (Several is not null || Text.Envelope.Rewritten is not null) return this;
        return Found(Text with { Envelope = Text.Envelope with { Rewritten = bytes } });
    }
}

/// <summary>Several events in one payload.</summary>
/// <param name="Body">The payload, or what is carried in its place.</param>
/// <param name="Start">Where what is carried begins.</param>
/// <param name="Places">Where each event lies in the body.</param>
/// <param name="Elements">What became of each: a text, or why there is none.</param>
public sealed record SeveralTexts(
    byte[] Body, int Start, IReadOnlyList<(int Start, int End)> Places, IReadOnlyList<Decoding> Elements);

/// <summary>A rejection in the making.</summary>
/// <param name="Message">What was found, what was expected, and where; no text of the event.</param>
public readonly record struct Problem(RejectionReason Reason, string Message);

/// <summary>A payload that cannot be read yet, because something outside does not answer, a schema registry for instance.</summary>
/// <param name="Until">
/// Ends, whether well or not, when another try makes sense and not before; the codec sees to it that it ends.
/// Events that wait for the same thing carry the same task.
/// </param>
/// <param name="Reason">What it waits for, in a sentence without its full stop and without text of the event.</param>
public sealed record NotNow(Task Until, string Reason);
