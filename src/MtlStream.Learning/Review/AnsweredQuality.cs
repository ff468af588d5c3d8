using System.Globalization;
using MtlStream.Models;

namespace MtlStream.Learning.Review;

/// <summary>Two versions of a model by people's answers to what each of them gave.</summary>
public static class AnsweredQuality
{
    /// <summary>In which task a candidate is worse on the stream, beyond doubt: the intervals of the two do not touch. Null where in none.</summary>
    public static string? Worse(AnswerBook book, ModelIdentity candidate, ModelIdentity serving)
    {
        ArgumentNullException.ThrowIfNull(book);
        foreach (var task in book.Tasks)
        {
            var (before, after) = (Of(serving), Of(candidate));
            if (before is null || after is null || after.Accuracy.High >= before.Accuracy.Low) continue;
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{task}: by people's answers at most {after.Accuracy.High:P1} of its labels are right, of the version before at least {before.Accuracy.Low:P1}");

            StreamQuality? Of(ModelIdentity version) => StreamQuality.Of(book, task, a => a.Model == new ModelName(version.Name, version.Version));
        }

        return null;
    }
}
