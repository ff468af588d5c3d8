using System.Globalization;
using System.Text;
using MtlStream.Events;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Results;

/// <summary>Everything of the member <c>analysis</c> that is the same for every event, as UTF-8, and how the rest is written between.</summary>
/// <remarks>
/// A word's label is that of its first token. A span begins at B-, and, where the model leaves that out, at an I- that follows
/// something else; its score is the mean of its words' scores. Labels of a multi-label task come best first.
/// </remarks>
internal sealed class AnalysisTemplate
{
    /// <summary>Threshold of a multi-label task that names none.</summary>
    private const float DefaultThreshold = 0.5f;

    /// <summary>How far outside 0 to 1 the rounding of half-precision arithmetic may push a probability.</summary>
    private const float Tolerance = 0.01f;

    private readonly byte[] _head;
    private readonly TaskTemplate[] _tasks;
    private readonly bool _allScores;

    /// <exception cref="InvalidDataException">A task's labels or thresholds do not fit its kind.</exception>
    public AnalysisTemplate(IReadOnlyList<ModelTask> tasks, ModelIdentity model, bool allScores)
    {
        (Tasks, Model) = (tasks, model);
        _allScores = allScores;
        _head = Encoding.UTF8.GetBytes(
            $"{{\"schema\":\"enriched-event.v1\",\"model\":{{\"name\":{Quote(model.Name)},\"version\":{Quote(model.Version)}}}," +
            "\"offsets\":\"utf16\",\"truncated\":");
        _tasks = [.. tasks.Select((task, index) => new TaskTemplate(task, first: index == 0))];
    }

    public IReadOnlyList<ModelTask> Tasks { get; }
    public ModelIdentity Model { get; }

    /// <summary>Says which score of an event is no probability or which tag no label; null when all are.</summary>
    public string? Flaw(Predictions predictions, int row, int tokens)
    {
        for (var i = 0; i < _tasks.Length; i++)
        {
            var task = _tasks[i].Task;
            var scores = task.IsTokenLevel ? predictions.TagScores(i, row).Slice(1, tokens) : predictions.Probabilities(i, row);
            if (LabelScores.FirstOutside(scores, -Tolerance, 1 + Tolerance) is >= 0 and var s)
            {
                var place = task.IsTokenLevel ? $"token {s}" : $"label \"{task.Labels[s]}\"";
                var found = scores[s].ToString(CultureInfo.InvariantCulture);
                return $"The model gave task \"{task.Name}\" the score {found} at {place}; expected a probability from 0 to 1.";
            }
            if (!task.IsTokenLevel) continue;
            var tags = predictions.Tags(i, row).Slice(1, tokens);
            var outside = tags.IndexOfAnyExceptInRange(0, task.Labels.Count - 1);
            if (outside >= 0)
            {
                return $"The model gave task \"{task.Name}\" the label id {tags[outside]} at token {outside}; " +
                    $"expected 0 to {task.Labels.Count - 1}.";
            }
        }
        return null;
    }

    /// <summary>Writes the member's value for an event without <see cref="Flaw"/>.</summary>
    public void Write(TokenizedEvent scored, Predictions predictions, int row, Utf8Buffer output)
    {
        output.Write(_head);
        output.Write(scored.Tokens.Truncated ? "true,\"tasks\":{"u8 : "false,\"tasks\":{"u8);
        for (var i = 0; i < _tasks.Length; i++)
        {
            var task = _tasks[i];
            output.Write(task.Name);
            switch (task.Task.Kind)
            {
                case TaskKind.SingleLabel: WriteLabel(task, predictions.Probabilities(i, row), output); break;
                case TaskKind.MultiLabel: WriteLabels(task, predictions.Probabilities(i, row), output); break;
                case TaskKind.TokenTags: WriteTags(task, scored, predictions.Tags(i, row), predictions.TagScores(i, row), output); break;
                default: WriteSpans(task, scored, predictions.Tags(i, row), predictions.TagScores(i, row), output); break;
            }
        }
        output.Write("}}"u8);
    }

    private void WriteLabel(TaskTemplate task, ReadOnlySpan<float> scores, Utf8Buffer output)
    {
        var best = LabelScores.Best(scores);
        var inScope = task.Task.Thresholds.Count == 0 || scores[best] >= task.Task.Thresholds[0];
        output.Write("{\"label\":"u8);
        output.Write(inScope ? task.Labels[best] : "null"u8);
        output.Write(",\"score\":"u8);
        output.WriteScore(scores[best]);
        CloseTextTask(task, scores, output);
    }

    private void WriteLabels(TaskTemplate task, ReadOnlySpan<float> scores, Utf8Buffer output)
    {
        output.Write("{\"labels\":["u8);
        var any = false;
        var last = LabelScores.Best(scores);
        for (var taken = 0; taken < scores.Length; taken++, last = Next(scores, last))
        {
            var bound = scores[last];
            if (bound < task.LeastThreshold) break;
            if (bound < (task.Task.Thresholds.Count == 0 ? DefaultThreshold : task.Task.Thresholds[last])) continue;
            output.Write(any ? ",{\"label\":"u8 : "{\"label\":"u8);
            any = true;
            output.Write(task.Labels[last]);
            output.Write(",\"score\":"u8);
            output.WriteScore(bound);
            output.Write((byte)'}');
        }
        output.Write((byte)']');
        CloseTextTask(task, scores, output);
    }

    private void CloseTextTask(TaskTemplate task, ReadOnlySpan<float> scores, Utf8Buffer output)
    {
        if (_allScores)
        {
            output.Write(",\"scores\":{"u8);
            for (var label = 0; label < scores.Length; label++)
            {
                if (label > 0) output.Write((byte)',');
                output.Write(task.Labels[label]);
                output.Write((byte)':');
                output.WriteScore(scores[label]);
            }
            output.Write((byte)'}');
        }
        output.Write((byte)'}');
    }

    private static void WriteTags(
        TaskTemplate task, TokenizedEvent scored, ReadOnlySpan<int> tags, ReadOnlySpan<float> scores, Utf8Buffer output)
    {
        output.Write("{\"tags\":["u8);
        var any = false;
        foreach (var word in scored.Tokens.Words)
        {
            output.Write(any ? ",{\"start\":"u8 : "{\"start\":"u8);
            any = true;
            output.WriteNumber(word.Start);
            output.Write(",\"end\":"u8);
            output.WriteNumber(word.End);
            output.Write(task.LabelMembers[tags[word.FirstToken + 1]]);
            output.WriteScore(scores[word.FirstToken + 1]);
            output.Write((byte)'}');
        }
        output.Write("]}"u8);
    }

    private static void WriteSpans(
        TaskTemplate task, TokenizedEvent scored, ReadOnlySpan<int> tags, ReadOnlySpan<float> scores, Utf8Buffer output)
    {
        output.Write("{\"spans\":["u8);
        var text = scored.Event.Text;
        var words = scored.Tokens.Words;
        var any = false;
        for (var first = 0; first < words.Length;)
        {
            var type = task.SpanTypes[tags[words[first].FirstToken + 1]];
            if (type < 0)
            {
                first++;
                continue;
            }
            var sum = 0.0;
            var next = first;
            do sum += scores[words[next++].FirstToken + 1];
            while (next < words.Length && task.Continues(tags[words[next].FirstToken + 1], type));

            var (start, end) = (words[first].Start, words[next - 1].End);
            output.Write(any ? ",{\"start\":"u8 : "{\"start\":"u8);
            any = true;
            output.WriteNumber(start);
            output.Write(",\"end\":"u8);
            output.WriteNumber(end);
            output.Write(",\"text\":\""u8);
            JsonText.Escape(text[start..end], output);
            output.Write("\",\"label\":"u8);
            output.Write(task.SpanLabels[type]);
            output.Write(",\"score\":"u8);
            output.WriteScore((float)(sum / (next - first)));
            output.Write((byte)'}');
            first = next;
        }
        output.Write("]}"u8);
    }

    // The label after this one in the order of falling scores, then of labels; -1 after the last.
    private static int Next(ReadOnlySpan<float> scores, int last)
    {
        var best = -1;
        for (var label = 0; label < scores.Length; label++)
        {
            if (scores[label] > scores[last] || (scores[label] == scores[last] && label <= last)) continue;
            if (best < 0 || scores[label] > scores[best]) best = label;
        }
        return best;
    }

    private static string Quote(string text)
    {
        var buffer = Utf8Buffer.ForThisThread();
        JsonText.Escape(text, buffer);
        return $"\"{Encoding.UTF8.GetString(buffer.Written)}\"";
    }

    private sealed class TaskTemplate
    {
        private readonly bool[] _begins;

        public TaskTemplate(ModelTask task, bool first)
        {
            Task = task;
            Name = Encoding.UTF8.GetBytes((first ? "" : ",") + Quote(task.Name) + ":");
            Labels = [.. task.Labels.Select(l => Encoding.UTF8.GetBytes(Quote(l)))];
            LabelMembers = [.. task.Labels.Select(l => Encoding.UTF8.GetBytes($",\"label\":{Quote(l)},\"score\":"))];
            var expected = task.Kind switch { TaskKind.SingleLabel => 1, TaskKind.MultiLabel => task.Labels.Count, _ => 0 };
            if (task.Thresholds.Count != 0 && task.Thresholds.Count != expected)
                throw new InvalidDataException($"Task \"{task.Name}\" has {task.Thresholds.Count} thresholds; expected none or {expected}.");
            LeastThreshold = task.Thresholds.Count == 0 ? DefaultThreshold : task.Thresholds.Min();
            (SpanTypes, SpanLabels, _begins) = task.Kind == TaskKind.TokenSpans ? Bio(task) : ([], [], []);
        }

        public ModelTask Task { get; }

        /// <summary>The task's name in quotes and a colon; a comma before it unless it is the first.</summary>
        public byte[] Name { get; }

        /// <summary>No label of a multi-label task is given below it.</summary>
        public float LeastThreshold { get; }

        /// <summary>Label names in quotes.</summary>
        public byte[][] Labels { get; }

        /// <summary>By label id: the members that say a word's label and, up to its value, its score.</summary>
        public byte[][] LabelMembers { get; }

        /// <summary>By label id: the type of span, or -1 outside of spans.</summary>
        public int[] SpanTypes { get; }

        /// <summary>Names of the types in quotes.</summary>
        public byte[][] SpanLabels { get; }

        /// <summary>True when a word with this label goes on with a span of that type.</summary>
        public bool Continues(int label, int type) => SpanTypes[label] == type && !_begins[label];

        private static (int[] Types, byte[][] Labels, bool[] Begins) Bio(ModelTask task)
        {
            var types = new int[task.Labels.Count];
            var begins = new bool[task.Labels.Count];
            var names = new List<string>();
            for (var i = 0; i < types.Length; i++)
            {
                var label = task.Labels[i];
                types[i] = -1;
                if (label == "O") continue;
                if (label.Length < 3 || label[1] != '-' || label[0] is not ('B' or 'I'))
                    throw new InvalidDataException($"Task \"{task.Name}\" has the label \"{label}\"; expected O, B-type or I-type.");
                begins[i] = label[0] == 'B';
                types[i] = names.IndexOf(label[2..]);
                if (types[i] >= 0) continue;
                types[i] = names.Count;
                names.Add(label[2..]);
            }
            return (types, [.. names.Select(n => Encoding.UTF8.GetBytes(Quote(n)))], begins);
        }
    }
}
