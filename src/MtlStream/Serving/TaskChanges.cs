using MtlStream.Tasks;

namespace MtlStream.Serving;

/// <summary>What a version of the model says that the one before did not, in words for the log.</summary>
internal static class TaskChanges
{
    /// <summary>Such as <c>refund added; topic with other labels</c>; <c>none</c> where both say the same.</summary>
    public static string Between(IReadOnlyList<ModelTask> before, IReadOnlyList<ModelTask> after)
    {
        var changes = new List<string>();
        foreach (var task in after)
        {
            var former = before.FirstOrDefault(t => t.Name == task.Name);
            if (former is null) changes.Add($"{task.Name} added");
            else if (!task.IsLike(former)) changes.Add($"{task.Name} with other labels");
        }

        foreach (var task in before)
        {
            if (after.All(t => t.Name != task.Name)) changes.Add($"{task.Name} removed");
        }

        return changes.Count == 0 ? "none" : string.Join("; ", changes);
    }
}
