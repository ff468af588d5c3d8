using System.Globalization;
using System.Runtime.CompilerServices;
using MtlStream.Registry.Values;

namespace MtlStream.Registry.Avro;

/// <summary>What is done with the values of a type at one place: skipped, or looked into. Immutable once made.</summary>
internal sealed class AvroStep(AvroNode node, int[] ends)
{
    public AvroNode Node { get; } = node;

    /// <summary>The pointers that end here.</summary>
    public int[] Ends { get; } = ends;

    /// <summary>Of each field or branch.</summary>
    public AvroStep[] Parts { get; set; } = [];

    /// <summary>Which of the fields is a record's own <c>analysis</c>; -1 where it gets none or has none.</summary>
    public int OwnPart { get; set; } = -1;

    /// <summary>Of the items of an array or map that no pointer leads to.</summary>
    public AvroStep? Item { get; set; }

    /// <summary>Of the items of a map or array that a pointer leads to, by their key or index.</summary>
    public (byte[] Key, int Index, AvroStep Step)[] Chosen { get; set; } = [];

    /// <summary>Whether nothing in here is asked for.</summary>
    public bool Skips { get; set; }
}

/// <summary>Pointers over a schema to steps: what has to be looked into, and what is skipped.</summary>
internal sealed class AvroSteps
{
    private readonly Dictionary<(AvroNode, PointerTree?), AvroStep> _steps = [];

    private AvroSteps()
    {
    }

    public static AvroStep Of(AvroNode root, PointerTree pointers) => new AvroSteps().Make(root, pointers);

    /// <summary>The pointers that lead to a string or an enum.</summary>
    public static IReadOnlySet<int> TextsIn(AvroStep root)
    {
        var texts = new HashSet<int>();
        var seen = new HashSet<AvroStep>();
        var left = new Stack<AvroStep>([root]);
        while (left.TryPop(out var step))
        {
            if (!seen.Add(step)) continue;
            if (step.Node.Kind is AvroKind.String or AvroKind.Enum) texts.UnionWith(step.Ends);
            foreach (var part in step.Parts) left.Push(part);
            foreach (var (_, _, chosen) in step.Chosen) left.Push(chosen);
        }
        return texts;
    }

    private AvroStep Make(AvroNode node, PointerTree? pointers)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (_steps.TryGetValue((node, pointers), out var known)) return known;
        // A union is transparent: its pointers are those of its branches.
        var step = new AvroStep(node, node.Kind == AvroKind.Union || pointers is null ? [] : [.. pointers.Ends]) 
        {
            Skips = pointers is null && !node.Extended && !node.HoldsExtended,
        };
        _steps[(node, pointers)] = step;
        switch (node.Kind)
        {
            case AvroKind.Record:
                step.Parts = [.. node.Fields.Select(f => Make(f.Type, Below(pointers, f.Name)))];
                if (node.Extended) step.OwnPart = node.Fields.ToList().FindIndex(f => f.Name == AvroSchema.Analysis);
                break;
            case AvroKind.Union:
                step.Parts = [.. node.Branches.Select(b => Make(b, pointers))];
                break;
            case AvroKind.Array or AvroKind.Map:
                step.Item = Make(node.Item!, null);
                if (pointers is not null)
                    step.Chosen = [.. pointers.Below.Select(b => (AvroNode.Utf8(b.Key), IndexOf(b.Key), Make(node.Item!, b.Value)))];
                break;
        }
        return step;
    }

    private static PointerTree? Below(PointerTree? pointers, string name) => pointers?.Below.GetValueOrDefault(name);

    private static int IndexOf(string key) =>
        key is "0" || (key.Length is > 0 and < 10 && key[0] is >= '1' and <= '9' && key.All(char.IsAsciiDigit))
            ? int.Parse(key, CultureInfo.InvariantCulture) : -1;
}
