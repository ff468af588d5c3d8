using MtlStream.Json;
using MtlStream.Text;

namespace MtlStream.Tasks;

/// <summary>One task of the model: what it gets from the graph, and what is made of it. One subclass for each kind. Thread-safe.</summary>
/// <remarks>What is common to all tasks asks here and knows no kind: a new kind is a new class.</remarks>
public abstract class ModelTask
{
    private readonly TaskOutput[] _outputs;

    /// <param name="kind">As the manifest spells it.</param>
    /// <param name="labels">Label names in logit order, none for a task without labels. From the manifest, never from code.</param>
    /// <param name="outputs">Golden outputs hold the first of them.</param>
    protected ModelTask(string name, string kind, IReadOnlyList<string> labels, params TaskOutput[] outputs)
    {
        Name = name;
        Kind = kind;
        Labels = labels;
        _outputs = outputs;
    }

    public string Name { get; }
    public string Kind { get; }
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Least scores for a label to be given, as the package states them; none where there are none.</summary>
    public virtual IReadOnlyList<float> Thresholds => [];

    /// <summary>The same task with thresholds of the settings, none of which it has refused.</summary>
    public virtual ModelTask WithThresholds(IReadOnlyList<GivenThreshold> thresholds) => this;

    /// <summary>Why the task has no use for a threshold; null when it has.</summary>
    public virtual string? Refusal(GivenThreshold threshold) => $"labels of the kind {Kind} have no thresholds.";

    /// <summary>The tensors that the task gets from the graph.</summary>
    public IReadOnlyList<TaskOutput> Outputs => _outputs;

    /// <summary>Elements of all outputs together, for a sequence of <paramref name="length"/> tokens.</summary>
    public int Width(int length)
    {
        var width = 0;
        foreach (var output in _outputs) width += output.Width(length);
        return width;
    }

    /// <summary>True when a task of another version can take this one's place: results keep their form and labels.</summary>
    public bool IsLike(ModelTask other) =>
        other.Name == Name && other.Kind == Kind && other.Labels.SequenceEqual(Labels) && other._outputs.SequenceEqual(_outputs);

    /// <summary>Languages that the task knows, as the task that tells them calls them; none: whatever the language.</summary>
    public IReadOnlyList<string> Languages { get; internal set; } = [];

    /// <summary>Whether the task's label is the text's language.</summary>
    public bool TellsLanguage { get; internal set; }

    /// <summary>True for a task that is left out unless it is asked for.</summary>
    public virtual bool OnRequest => false;

    /// <summary>Writes what a model says that knows nothing: for measuring and testing everything around the model.</summary>
    public abstract void WriteNeutral(TaskValues values);

    /// <summary>Makes one answer for a long text out of the answers for its windows.</summary>
    /// <param name="merged">As wide as the whole text; contents are not cleared.</param>
    public abstract void Merge(WindowValues windows, TaskValues merged);

    /// <summary>Says what is wrong with the model's scores for a text; null when nothing is.</summary>
    /// <param name="values">About all tokens of the text, as everywhere below.</param>
    public abstract string? ValidationError(TaskValues values, TokenizedText text);

    /// <summary>Writes the task's JSON object, for values without a validation error.</summary>
    public abstract void Write(TaskValues values, TaskText text, AnswerDetail detail, Utf8Buffer output);

    /// <summary>What <see cref="Write"/> writes, for formats that must declare it.</summary>
    public abstract Shape ShapeOf(AnswerDetail detail);

    /// <summary>What is given, one entry for each thing that two models can agree on: a text's label or a word's.</summary>
    public abstract IReadOnlyList<string> Given(TaskValues values, TaskText text);

    /// <summary>Counts the labels that are given, and says how sure the model is; null where it had nothing to say.</summary>
    public abstract TaskConfidence? Observe(TaskValues values, TokenizedText text, ILabelCounts counts);
}

/// <summary>How sure the model is of one text, in one task. Both are shares.</summary>
/// <param name="Confidence">Probability of the best label; for tasks about words the mean over them.</param>
/// <param name="Entropy">Of what was given, as a share of the highest possible.</param>
public readonly record struct TaskConfidence(double Confidence, double Entropy);

/// <summary>Counts labels by their index.</summary>
public interface ILabelCounts
{
    void Add(int label);
}
