using System.Numerics;
using System.Runtime.InteropServices;

namespace MtlStream.Learning.Training;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, https://arxiv.org/abs/1711.05101).</summary>
/// <param name="weightDecay">Share of a matrix that a step of learning rate 1 takes away; biases do not decay.</param>
internal sealed class AdamW(float weightDecay)
{
    private const float FirstDecay = 0.9f;
    private const float SecondDecay = 0.999f;
    private const float Floor = 1e-8f;

    private readonly Dictionary<string, (float[] First, float[] Second)> _moments = [];
    private int _steps;

    /// <summary>Moves every parameter against its gradient.</summary>
    public void Step(HeadWeights weights, IReadOnlyDictionary<string, float[]> gradients, float learningRate)
    {
        _steps++;
        var firstCorrection = 1 - MathF.Pow(FirstDecay, _steps);
        var secondCorrection = MathF.Sqrt(1 - MathF.Pow(SecondDecay, _steps));
        foreach (var (name, parameter) in weights.Parameters)
        {
            var decay = weights.SizesOf(name).Length > 1 ? 1 - (learningRate * weightDecay) : 1;
            ref var moments = ref CollectionsMarshal.GetValueRefOrAddDefault(_moments, name, out var known);
            if (!known) moments = (new float[parameter.Length], new float[parameter.Length]);
            var (first, second) = moments;
            var rate = learningRate * secondCorrection / firstCorrection;
            Update(parameter, gradients[name], first, second, decay, rate, Floor * secondCorrection);
        }
    }

    private static void Update(
        Span<float> parameter, ReadOnlySpan<float> gradient, Span<float> first, Span<float> second, float decay, float rate, float floor)
    {
        var width = Vector<float>.Count;
        var at = 0;
        for (; at <= parameter.Length - width; at += width)
        {
            var slope = new Vector<float>(gradient[at..]);
            var mean = (new Vector<float>(first[at..]) * FirstDecay) + (slope * (1 - FirstDecay));
            var square = (new Vector<float>(second[at..]) * SecondDecay) + (slope * slope * (1 - SecondDecay));
            mean.CopyTo(first[at..]);
            square.CopyTo(second[at..]);
            var moved = (new Vector<float>(parameter[at..]) * decay) - (mean * rate / (Vector.SquareRoot(square) + new Vector<float>(floor)));
            moved.CopyTo(parameter[at..]);
        }

        for (; at < parameter.Length; at++)
        {
            first[at] = (first[at] * FirstDecay) + (gradient[at] * (1 - FirstDecay));
            second[at] = (second[at] * SecondDecay) + (gradient[at] * gradient[at] * (1 - SecondDecay));
            parameter[at] = (parameter[at] * decay) - (first[at] * rate / (MathF.Sqrt(second[at]) + floor));
        }
    }
}
