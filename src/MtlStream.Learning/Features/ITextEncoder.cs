using MtlStream.Learning.Training;

namespace MtlStream.Learning.Features;

/// <summary>Texts to the features that heads are taught on.</summary>
internal interface ITextEncoder : IDisposable
{
    /// <summary>What heads may be taught on.</summary>
    IReadOnlyList<FeatureSet> Sets { get; }

    /// <summary>Encodes texts: a row for each, the columns of all sets.</summary>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    FeatureMatrix Encode(IReadOnlyList<string> texts, IProgress<double>? progress = null, CancellationToken cancelled = default);

    /// <summary>The columns of one set.</summary>
    /// <param name="all">What <see cref="Encode"/> gave.</param>
    FeatureMatrix Columns(FeatureSet set, FeatureMatrix all);

    /// <summary>The logarithms of what the package's tasks say; null where none is about texts.</summary>
    FeatureMatrix? OldLabels(FeatureMatrix all);
}
