namespace MtlStream.Events;

/// <summary>What a codec made of a payload: a text, or why there is none, or "not now".</summary>
/// <remarks>The text is meaningful only where neither of the other two is given.</remarks>
public readonly struct Decoding
{
    private Decoding(LocatedText text, Problem? problem, NotNow? notNow)
    {
        Text = text;
        Problem = problem;
        NotNow = notNow;
    }

    public LocatedText Text { get; }

    public Problem? Problem { get; }

    public NotNow? NotNow { get; }

    public static Decoding Found(LocatedText text) => new(text, null, null);

    public static Decoding Refused(Problem problem) => new(default, problem, null);

    public static Decoding Later(NotNow notNow) => new(default, null, notNow);
}

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
