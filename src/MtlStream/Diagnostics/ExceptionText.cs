namespace MtlStream.Diagnostics;

/// <summary>Exceptions as the log may have them where their messages may hold the text of an event.</summary>
public static class ExceptionText
{
    /// <summary>Types and places in the code of an exception and of what caused it.</summary>
    public static string WithoutMessages(this Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var told = $"{exception.GetType().FullName}{Environment.NewLine}{exception.StackTrace}";
        return exception.InnerException is { } cause ? $"{told}{Environment.NewLine}Caused by {cause.WithoutMessages()}" : told;
    }
}
