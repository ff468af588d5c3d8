namespace MtlStream.Events;

/// <summary>What stays the same of an event however often it is delivered: a name, and a number that it is drawn by.</summary>
public static class EventIdentity
{
    private const ulong FnvBasis = 14695981039346656037;
    private const ulong FnvPrime = 1099511628211;

    /// <summary>Topic, partition and offset; of one of several events in a message also its index: <c>comments/0/1234/2</c>.</summary>
    public static string NameOf(TextEvent one)
    {
        ArgumentNullException.ThrowIfNull(one);
        var position = one.Source.Position;
        var name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{position.Topic}/{position.Partition}/{position.Offset}");
        return one.Part is { } part ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{name}/{part.Index}") : name;
    }

    /// <summary>A number from 0 to below 1, evenly distributed over events, that depends on <see cref="NameOf"/> alone.</summary>
    /// <remarks>
    /// An event that is drawn when its number lies below a share is drawn by every worker and at every delivery, or by none: permanent
    /// random numbers, Ohlsson 1995. FNV-1a, then the finalizer of SplitMix64.
    /// </remarks>
    public static double DrawOf(TextEvent one) => DrawOf(NameOf(one));

    /// <summary>The same of a name.</summary>
    public static double DrawOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var hash = FnvBasis;
        foreach (var unit in name) hash = (hash ^ unit) * FnvPrime;
        hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
        hash ^= hash >> 31;
        return (hash >> 11) * (1.0 / (1UL << 53));
    }
}
