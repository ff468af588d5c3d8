namespace MtlStream.Tasks;

/// <summary>A threshold that the settings give in place of the package's.</summary>
/// <param name="name">A task, or <c>TASK/LABEL</c>.</param>
public sealed class GivenThreshold(string name, float value)
{
    private const char Separator = '/';

    public string Task { get; } = name.Split(Separator)[0];

    /// <summary>The one label that it is for; null for all of the task's.</summary>
    public string? Label { get; } = name.Contains(Separator, StringComparison.Ordinal) ? name[(name.IndexOf(Separator, StringComparison.Ordinal) + 1)..] : null;

    public float Value { get; } = value;

    /// <summary>The setting as it may be written.</summary>
    public string Setting => Label is null ? $"Model:Thresholds:{Task}" : $"Model:Thresholds:{Task}:{Label}";

    /// <summary>Names of settings have no letter case.</summary>
    public bool IsOf(string task) => task.Equals(Task, StringComparison.OrdinalIgnoreCase);

    public bool IsFor(string label) => Label is null || label.Equals(Label, StringComparison.OrdinalIgnoreCase);
}
