namespace MtlStream.Registry.Avro;

/// <summary>What can be said about all values of a type before one is read.</summary>
internal static class AvroSizes
{
    private const int TooLarge = 1 << 30;

    /// <summary>Sets <see cref="AvroNode.FixedSize"/> and <see cref="AvroNode.HoldsExtended"/> of all types of a schema.</summary>
    public static void Set(IReadOnlyList<AvroNode> all)
    {
        // Types come after those that hold them, so that a pass from the end settles all but circles.
        var changed = true;
        while (changed)
        {
            changed = false;
            for (var i = all.Count - 1; i >= 0; i--) changed |= Settle(all[i]);
        }
    }

    private static bool Settle(AvroNode node)
    {
        var size = node.FixedSize >= 0 ? node.FixedSize : SizeOf(node);
        var holds = node.HoldsExtended || Parts(node).Any(part => part.Extended || part.HoldsExtended);
        if (size == node.FixedSize && holds == node.HoldsExtended) return false;
        node.FixedSize = size;
        node.HoldsExtended = holds;
        return true;
    }

    private static IEnumerable<AvroNode> Parts(AvroNode node) =>
        node.Item is { } item ? [item] : node.Kind == AvroKind.Record ? node.Fields.Select(f => f.Type) : node.Branches;

    private static int SizeOf(AvroNode node)
    {
        switch (node.Kind)
        {
            case AvroKind.Null:
                return 0;
            case AvroKind.Boolean:
                return 1;
            case AvroKind.Float:
                return 4;
            case AvroKind.Double:
                return 8;
            case AvroKind.Fixed:
                return node.Size;
            case AvroKind.Record:
                long sum = 0;
                foreach (var field in node.Fields)
                {
                    if (field.Type.FixedSize < 0) return -1;
                    sum += field.Type.FixedSize;
                }
                return sum > TooLarge ? -1 : (int)sum;
            default:
                return -1;
        }
    }
}
