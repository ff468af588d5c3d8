namespace MtlStream.Registry.Answers;

/// <summary>Under which subjects schemas are.</summary>
internal static class Subjects
{
    /// <param name="name">Full name of the record or message.</param>
    public static string NameOf(SubjectNames names, string topic, string name) => names switch
    {
        SubjectNames.Record => name,
        SubjectNames.TopicRecord => $"{topic}-{name}",
        _ => $"{topic}-value",
    };
}
