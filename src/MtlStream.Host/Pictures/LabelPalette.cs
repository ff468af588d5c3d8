namespace MtlStream.Host.Pictures;

/// <summary>A colour for each label, in the order in which they appear: as many differ as there are colours.</summary>
internal sealed class LabelPalette(int colors)
{
    private readonly Dictionary<string, int> _colors = new(StringComparer.Ordinal);

    /// <summary>Number of the label's colour, from 0.</summary>
    public int this[string label]
    {
        get
        {
            if (!_colors.TryGetValue(label, out var color)) _colors[label] = color = _colors.Count % colors;
            return color;
        }
    }
}
