using MtlStream.Tasks;

namespace MtlStream.Models;

/// <summary>Which tasks say nothing about a text, because it is in a language that they do not know.</summary>
/// <remarks>
/// One task tells the language, and only where it is sure: where it gives no label, no task is silent. Nor is a task that names no
/// languages, such as one that was taught.
/// </remarks>
public sealed class LanguageGate
{
    private readonly IReadOnlyList<ModelTask> _tasks;
    private readonly int _teller; // index of the task that tells the language; -1 where none does, or no task names languages
    private readonly bool[][] _silent = []; // by language, of each task

    public LanguageGate(IReadOnlyList<ModelTask> tasks)
    {
        _tasks = tasks;
        _teller = tasks.Any(t => t.Languages.Count > 0) ? tasks.ToList().FindIndex(t => t is SingleLabelTask { TellsLanguage: true }) : -1;
        if (_teller < 0) return;
        _silent = [.. tasks[_teller].Labels.Select(language => tasks.Select(t => t.Languages.Count > 0 && !t.Languages.Contains(language)).ToArray())];
    }

    /// <summary>No task is ever silent.</summary>
    public static LanguageGate Open { get; } = new([]);

    /// <summary>The tasks that it was made for.</summary>
    public IReadOnlyList<ModelTask> Tasks => _tasks;

    /// <summary>Whether a task is silent for some language.</summary>
    public bool MayBeSilent(int task) => _teller >= 0 && Array.Exists(_silent, of => of[task]);

    /// <summary>The language for which a task or several are silent, as an index to <see cref="IsSilent"/>; -1 for none.</summary>
    /// <param name="sequence">The sequence of <paramref name="predictions"/> that covers all tokens of the text.</param>
    public int LanguageOf(Predictions predictions, int sequence)
    {
        if (_teller < 0) return -1;
        var language = ((SingleLabelTask)_tasks[_teller]).LabelOf(predictions.Of(_teller, sequence));
        return language >= 0 && Array.IndexOf(_silent[language], true) >= 0 ? language : -1;
    }

    /// <summary>Whether a task is silent for a language that <see cref="LanguageOf"/> gave.</summary>
    public bool IsSilent(int task, int language) => language >= 0 && _silent[language][task];
}
