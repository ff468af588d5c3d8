using System.Text;

namespace MtlStream.Learning.Review;

/// <summary>Answers as lines of a file, which are only ever added.</summary>
public sealed class AnswerFile(string path)
{
    /// <summary>The answers that are there; none where there is no file.</summary>
    /// <exception cref="UsageException">A line is no answer, or the file cannot be read; names the line.</exception>
    public IReadOnlyList<ReviewAnswer> Read()
    {
        if (!File.Exists(path)) return [];
        var answers = new List<ReviewAnswer>();
        var line = 0;
        foreach (var text in Lines())
        {
            line++;
            if (string.IsNullOrWhiteSpace(text)) continue;
            try
            {
                answers.Add(ReviewAnswer.Parse(Encoding.UTF8.GetBytes(text)));
            }
            catch (FormatException exception)
            {
                throw new UsageException($"{path}: line {line}: {exception.Message}", exception);
            }
        }

        return answers;
    }

    /// <summary>Adds an answer, which is on the disk when this returns.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Append(ReviewAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        file.Write(Encoding.UTF8.GetBytes(answer.ToJson() + "\n"));
        file.Flush(flushToDisk: true);
    }

    private string[] Lines()
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be read: {exception.Message}", exception);
        }
    }
}
