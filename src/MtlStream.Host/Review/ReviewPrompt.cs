using System.Globalization;
using MtlStream.Host.Pictures;
using MtlStream.Learning.Review;

namespace MtlStream.Host.Review;

/// <summary>Asks a person one question after the other, a key each. Here alone are texts of events shown, because the person asked for them.</summary>
/// <param name="suggest">Whether what the model says is shown, and taken by the enter key. It sways people, so estimates flatter the model.</param>
internal sealed class ReviewPrompt(ReviewSession session, ReviewChoices choices, bool suggest, Action<ReviewAnswer> write, Func<char> key, TextWriter output)
{
    private readonly SortedSet<int> _marked = []; // labels chosen so far, where there may be several
    private SpanChoice? _words; // of the question, where parts of it are labelled
    private int _page;

    /// <summary>Asks until nothing is left, so many are answered, or the person ends it.</summary>
    /// <returns>How many answers were given and not taken back.</returns>
    public int Run(int limit, CancellationToken stopping)
    {
        output.WriteLine(Help());
        var given = 0;
        while (given < limit && session.Next is { } question)
        {
            stopping.ThrowIfCancellationRequested();
            Show(question);
            switch (Ask(question))
            {
                case Outcome.Answered:
                    given++;
                    break;
                case Outcome.TakenBack:
                    given--;
                    break;
                default:
                    return given;
            }
        }

        output.WriteLine(session.Next is null ? "Nothing is left to answer." : $"{given} answered.");
        return given;
    }

    private enum Outcome
    {
        Answered,
        TakenBack,
        Ended,
    }

    private Outcome Ask(ReviewQuestion question)
    {
        _marked.Clear();
        _page = 0;
        _words = choices.Spans ? new(question.Text) : null;
        if (_words is not null) ShowWords(_words);
        while (true)
        {
            var pressed = key();
            if (_words is not null && Choose(_words, pressed)) continue;
            switch (pressed)
            {
                case ReviewKeys.End:
                    return Outcome.Ended;
                case ReviewKeys.Undo when session.Undo() is { } withdrawn:
                    write(withdrawn);
                    return Outcome.TakenBack;
                case ReviewKeys.CannotTell:
                    return Answer(question, null);
                case ReviewKeys.None:
                    return Answer(question, []);
                case ReviewKeys.More:
                    _page = (_page + 1) % Pages;
                    output.WriteLine(LabelLine());
                    break;
                case ReviewKeys.Enter when _words is { Labels.Count: > 0 }:
                    return Answer(question, _words.Labels);
                case ReviewKeys.Enter when choices.Several && _marked.Count > 0:
                    return Answer(question, [.. _marked.Select(m => choices.Labels[m])]);
                case ReviewKeys.Enter when suggest && question.Given.TryGetValue(session.Task, out var given):
                    return Answer(question, given);
                default:
                    if (LabelOf(pressed) is not { } label) break;
                    if (!choices.Several) return Answer(question, [choices.Labels[label]]);
                    if (!_marked.Remove(label)) _marked.Add(label);
                    output.WriteLine("  " + string.Join(", ", _marked.Select(m => choices.Labels[m])));
                    break;
            }
        }
    }

    /// <summary>Whether a key was about words and spans.</summary>
    private bool Choose(SpanChoice words, char pressed)
    {
        switch (pressed)
        {
            case ReviewKeys.Next or ReviewKeys.Before:
                words.Move(pressed == ReviewKeys.Next ? 1 : -1);
                break;
            case ReviewKeys.Longer or ReviewKeys.Shorter:
                words.Extend(pressed == ReviewKeys.Longer ? 1 : -1);
                break;
            case ReviewKeys.Undo:
                if (!words.Remove()) return false;
                break;
            default:
                if (LabelOf(pressed) is not { } label) return false;
                words.Mark(choices.Labels[label]);
                break;
        }

        ShowWords(words);
        return true;
    }

    private void ShowWords(SpanChoice words) => output.WriteLine($"  > {VisibleText.Of(words.Chosen)}   {VisibleText.Of(words.Said)}");

    private Outcome Answer(ReviewQuestion question, IReadOnlyList<string>? labels)
    {
        write(session.Answer(question, labels));
        return Outcome.Answered;
    }

    private int Pages => ((choices.Labels.Count - 1) / ReviewKeys.Labels.Length) + 1;

    private int? LabelOf(char pressed)
    {
        var place = ReviewKeys.Labels.IndexOf(pressed, StringComparison.Ordinal);
        var label = (_page * ReviewKeys.Labels.Length) + place;
        return place >= 0 && label < choices.Labels.Count ? label : null;
    }

    private void Show(ReviewQuestion question)
    {
        var reasons = question.Reasons.Count == 0 ? "" : $", drawn as {string.Join(" and ", question.Reasons)}";
        output.WriteLine();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{session.Left} left, {question.Id}{reasons}"));
        foreach (var line in VisibleText.Of(question.Text).Split('\n')) output.WriteLine("    " + line);
        if (suggest && question.Given.TryGetValue(session.Task, out var given))
            output.WriteLine($"  the model says {(given.Count == 0 ? "none" : string.Join(", ", given))}");
        output.WriteLine(LabelLine());
    }

    private string LabelLine()
    {
        var shown = choices.Labels.Skip(_page * ReviewKeys.Labels.Length).Take(ReviewKeys.Labels.Length);
        return "  " + string.Join("  ", shown.Select((label, i) => $"{ReviewKeys.Labels[i]} {label}"));
    }

    private string Help()
    {
        var keys = new List<string> { choices.Spans ? "arrows choose a word, with shift several; a key labels them, backspace takes that back, enter answers" : "a key answers" };
        if (choices.Several && !choices.Spans) keys.Add("or marks, enter answers");
        else if (suggest && !choices.Several) keys.Add("enter takes what the model says");
        keys.Add($"{ReviewKeys.None} none of them");
        keys.Add($"{ReviewKeys.CannotTell} cannot tell");
        keys.Add($"{ReviewKeys.Undo} or backspace takes the last answer back");
        if (Pages > 1) keys.Add($"{ReviewKeys.More} or tab shows more labels");
        keys.Add($"{ReviewKeys.End} or escape ends");
        return $"{session.Task}: {string.Join("; ", keys)}.";
    }
}
