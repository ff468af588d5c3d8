using System.Text;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Results;

/// <summary>Labels of whole texts as headers, so that a consumer can route without parsing: <c>mtlstream.sentiment: positive</c>.</summary>
/// <remarks>Several labels of one text are separated by <c>|</c>. A text without a label has no header for that task.</remarks>
internal sealed class LabelHeaders
{
    private const string Prefix = "mtlstream.";
    private const char Separator = '|';

    private readonly List<(int Index, string Name)> _tasks;

    /// <param name="tasks">Those that label words are left out.</param>
    public LabelHeaders(IReadOnlyList<ModelTask> tasks) =>
        _tasks = [.. from task in tasks.Index() where task.Item is TextLabelTask select (task.Index, Prefix + task.Item.Name)];

    /// <summary>The headers with those of the labels in place of any of their names, such as an earlier run's.</summary>
    /// <param name="sequence">The sequence of <paramref name="predictions"/> that covers all tokens of the event.</param>
    /// <param name="language">For which tasks are silent, as <paramref name="gate"/> says; -1 for none.</param>
    public IReadOnlyList<EventHeader> AddTo(
        IReadOnlyList<EventHeader> headers, TokenizedEvent scored, Predictions predictions, int sequence, LanguageGate gate, int language)
    {
        var result = new List<EventHeader>(headers.Count + _tasks.Count);
        result.AddRange(headers.Where(h => !_tasks.Exists(t => t.Name == h.Key)));
        var text = new TaskText(scored.Event.Text, scored.Tokens);
        foreach (var (index, name) in _tasks)
        {
            if (gate.IsSilent(index, language)) continue;
            var given = predictions.Tasks[index].Given(predictions.Of(index, sequence), text);
            var labels = string.Join(Separator, given);
            if (labels.Length > 0) result.Add(new(name, Encoding.UTF8.GetBytes(labels)));
        }

        return result;
    }
}
