namespace MtlStream.Learning.Training;

/// <summary>What a head is made of.</summary>
/// <param name="Hidden">Units of the hidden layer; 0 for a linear head.</param>
/// <param name="MultiLabel">Any number of labels per text instead of one.</param>
public sealed record HeadShape(int Features, int Hidden, int Labels, bool MultiLabel);

/// <summary>The parameters of a head over standardised features.</summary>
/// <remarks>
/// Hidden layer [Features, Hidden] and [Hidden], then labels [Hidden or Features, Labels] and [Labels], row-major.
/// The hidden layer's activation is tanh.
/// </remarks>
public sealed class HeadWeights
{
    public HeadWeights(HeadShape shape)
    {
        Shape = shape;
        var inner = shape.Hidden > 0 ? shape.Hidden : shape.Features;
        if (shape.Hidden > 0)
        {
            Parameters.Add(HiddenWeight, new float[shape.Features * shape.Hidden]);
            Parameters.Add(HiddenBias, new float[shape.Hidden]);
        }

        Parameters.Add(LabelWeight, new float[inner * shape.Labels]);
        Parameters.Add(LabelBias, new float[shape.Labels]);
    }

    internal const string HiddenWeight = "hidden.weight";
    internal const string HiddenBias = "hidden.bias";
    internal const string LabelWeight = "label.weight";
    internal const string LabelBias = "label.bias";

    public HeadShape Shape { get; }

    /// <summary>The parameters by name.</summary>
    public Dictionary<string, float[]> Parameters { get; } = [];

    /// <summary>The sizes of a parameter.</summary>
    internal long[] SizesOf(string parameter) => parameter switch
    {
        HiddenWeight => [Shape.Features, Shape.Hidden],
        HiddenBias => [Shape.Hidden],
        LabelWeight => [Shape.Hidden > 0 ? Shape.Hidden : Shape.Features, Shape.Labels],
        _ => [Shape.Labels],
    };

    /// <summary>Random weights, uniform within 1 / sqrt(inputs), and biases of 0.</summary>
    public void Initialize(Random random)
    {
        foreach (var (name, values) in Parameters)
        {
            var sizes = SizesOf(name);
            if (sizes.Length < 2) continue;
            var bound = 1 / MathF.Sqrt(sizes[0]);
            for (var i = 0; i < values.Length; i++) values[i] = ((random.NextSingle() * 2) - 1) * bound;
        }
    }
}
