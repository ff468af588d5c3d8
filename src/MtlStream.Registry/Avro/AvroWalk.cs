using MtlStream.Registry.Values;

namespace MtlStream.Registry.Avro;

/// <summary>Goes through a value once, from its first byte to its last: finds texts, and skips the rest without building anything.</summary>
internal ref struct AvroWalk
{
    /// <summary>Records, arrays, maps and unions in each other: more are nobody's intention.</summary>
    private const int MostLevels = 1000;

    /// <summary>Items of no bytes in one array: a few bytes may announce any number of them.</summary>
    private const long MostEmpty = 1 << 20;

    private readonly Span<FoundValue> _found;
    private ByteReader _bytes;
    private int _level;

    public AvroWalk(ReadOnlySpan<byte> bytes, int start, Span<FoundValue> found)
    {
        _bytes = new(bytes, start);
        _found = found;
    }

    /// <summary>Where the root record's own field <c>analysis</c> is; -1 where it has none.</summary>
    public int OwnStart { get; private set; } = -1;

    public int OwnEnd { get; private set; } = -1;

    /// <summary>Where records inside the value get the field too, and where one that they have ends; null where there are none.</summary>
    public List<(int Start, int End)>? Inner { get; private set; }

    /// <exception cref="BadValueException">The bytes are no value of that type, or more than one.</exception>
    public void Read(AvroStep root)
    {
        ReadValue(root, isRoot: true);
        if (!_bytes.AtEnd) throw new BadValueException($"the value ends at byte {_bytes.At}, and {_bytes.End - _bytes.At} bytes follow");
    }

    private void ReadValue(AvroStep step, bool isRoot = false)
    {
        var node = step.Node;
        if (step.Skips && node.FixedSize >= 0 && !isRoot)
        {
            _bytes.Take(node.FixedSize, node.Name);
            return;
        }
        if (node.Kind < AvroKind.Array) ReadLeaf(step, node);
        else ReadNested(step, node, isRoot);
    }

    private void ReadNested(AvroStep step, AvroNode node, bool isRoot)
    {
        if (++_level > MostLevels) throw new BadValueException($"at byte {_bytes.At} it is nested over {MostLevels} levels deep");
        foreach (var pointer in step.Ends) _found[pointer] = new(FoundKind.Other, Type: node.ToString());
        switch (node.Kind)
        {
            case AvroKind.Record:
                ReadRecord(step, node, isRoot);
                break;
            case AvroKind.Union:
                var at = _bytes.At;
                var branch = _bytes.ReadZigZag();
                if ((ulong)branch >= (ulong)step.Parts.Length)
                    throw new BadValueException($"the union at byte {at} has the branch {branch}, and the schema {step.Parts.Length} branches");
                ReadValue(step.Parts[branch], isRoot);
                break;
            default:
                ReadItems(step, node);
                break;
        }
        _level--;
    }

    private void ReadRecord(AvroStep step, AvroNode node, bool isRoot)
    {
        var parts = step.Parts;
        var (start, end) = (-1, -1);
        for (var i = 0; i < parts.Length; i++)
        {
            var isOwn = i == step.OwnPart;
            if (isOwn) start = _bytes.At;
            ReadValue(parts[i]);
            if (isOwn) end = _bytes.At;
        }
        if (isRoot) (OwnStart, OwnEnd) = (start, end);
        else if (node.Extended) (Inner ??= []).Add(start < 0 ? (_bytes.At, _bytes.At) : (start, end));
    }

    // Blocks of items, each with its count; a count below zero has the block's size in bytes behind it.
    private void ReadItems(AvroStep step, AvroNode node)
    {
        var isMap = node.Kind == AvroKind.Map;
        long index = 0;
        while (true)
        {
            var at = _bytes.At;
            var count = _bytes.ReadZigZag();
            if (count == 0) return;
            var end = -1L;
            if (count < 0)
            {
                if (count == long.MinValue) throw new BadValueException($"the block at byte {at} has {count} items");
                count = -count;
                var size = _bytes.ReadZigZag();
                if (size < 0 || size > _bytes.End - _bytes.At)
                    throw new BadValueException($"the block at byte {at} has {size} bytes, and the value ends after {_bytes.End - _bytes.At}");
                end = _bytes.At + size;
            }
            var isEmpty = !isMap && node.Item!.FixedSize == 0;
            if (isEmpty && count > MostEmpty - index) throw new BadValueException($"the array before byte {_bytes.At} has over {MostEmpty} items of no bytes");
            if (!isEmpty && count > _bytes.End - _bytes.At)
                throw new BadValueException($"the block at byte {at} has {count} items, and the value ends after {_bytes.End - _bytes.At} bytes");
            if (isEmpty && step.Item!.Skips) SkipEmpty(step, count, ref index);
            else for (; count > 0; count--) ReadItem(step, isMap, index++);
            if (end >= 0 && _bytes.At != end) throw new BadValueException($"the block at byte {at} should end at byte {end}, and ends at byte {_bytes.At}");
        }
    }

    private void SkipEmpty(AvroStep step, long count, ref long index)
    {
        foreach (var (_, chosen, inner) in step.Chosen)
            if (chosen >= index && chosen - index < count) ReadValue(inner);
        index += count;
    }

    private void ReadItem(AvroStep step, bool isMap, long index)
    {
        var (keyStart, keyEnd) = (0, 0);
        if (isMap)
        {
            keyStart = _bytes.Take(_bytes.ReadZigZag(), "a key");
            keyEnd = _bytes.At;
        }
        var item = step.Item!;
        foreach (var (key, chosen, inner) in step.Chosen)
            if (isMap ? _bytes.Between(keyStart, keyEnd).SequenceEqual(key) : chosen == index) item = inner;
        ReadValue(item);
    }

    private void ReadLeaf(AvroStep step, AvroNode node)
    {
        switch (node.Kind)
        {
            case AvroKind.Null:
                foreach (var pointer in step.Ends) _found[pointer] = new(FoundKind.Null);
                return;
            case AvroKind.String:
                var start = _bytes.Take(_bytes.ReadZigZag(), "a string");
                foreach (var pointer in step.Ends) _found[pointer] = new(FoundKind.Text, start, _bytes.At);
                return;
            case AvroKind.Enum:
                var at = _bytes.At;
                var symbol = _bytes.ReadZigZag();
                if ((ulong)symbol >= (ulong)node.Symbols.Count)
                    throw new BadValueException($"the enum at byte {at} has the symbol {symbol}, and the schema {node.Symbols.Count} symbols");
                var text = node.Symbols[(int)symbol];
                foreach (var pointer in step.Ends) _found[pointer] = new(FoundKind.Text, 0, text.Length, Body: text);
                return;
            case AvroKind.Int or AvroKind.Long:
                _bytes.ReadVarint();
                break;
            case AvroKind.Bytes:
                _bytes.Take(_bytes.ReadZigZag(), "bytes");
                break;
            default:
                _bytes.Take(node.FixedSize, node.Name);
                break;
        }
        foreach (var pointer in step.Ends) _found[pointer] = new(FoundKind.Other, Type: node.ToString());
    }
}
