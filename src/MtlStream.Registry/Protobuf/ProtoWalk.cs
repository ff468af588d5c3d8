using MtlStream.Registry.Values;

namespace MtlStream.Registry.Protobuf;

/// <summary>Goes through a message once, from its first byte to its last: finds texts, and skips the rest without building anything.</summary>
/// <remarks>As every reader of Protobuf does: of what comes several times the last counts, and what the schema does not know is passed over.</remarks>
internal ref struct ProtoWalk
{
    /// <summary>Messages and groups in each other: more are nobody's intention.</summary>
    private const int MostLevels = 200;

    private readonly Span<FoundValue> _found;
    private readonly int _own;
    private ByteReader _bytes;
    private int _level;

    /// <param name="own">Number of the root message's own field <c>analysis</c>; 0 for none.</param>
    public ProtoWalk(ReadOnlySpan<byte> bytes, int start, Span<FoundValue> found, int own)
    {
        _bytes = new(bytes, start);
        _found = found;
        _own = own;
    }

    /// <summary>Where the root message has its own field <c>analysis</c>; null where it has not.</summary>
    public List<(int Start, int End)>? Own { get; private set; }

    /// <exception cref="BadValueException">The bytes are no message.</exception>
    public void Read(ProtoStep? root) => ReadMessage(root, _bytes.End, group: 0, isRoot: true);

    /// <param name="step">Null where nothing is looked for.</param>
    /// <param name="group">Number of the group that it is; 0 for a message, which ends at <paramref name="end"/>.</param>
    private void ReadMessage(ProtoStep? step, int end, int group, bool isRoot = false)
    {
        if (++_level > MostLevels) throw new BadValueException($"at byte {_bytes.At} it is nested over {MostLevels} levels deep");
        foreach (var pointer in step?.EmptyEnds ?? []) _found[pointer] = new(FoundKind.Text, _bytes.At, _bytes.At);
        Span<long> counters = stackalloc long[step?.Counters ?? 0];
        while (_bytes.At < end)
        {
            var start = _bytes.At;
            var tag = _bytes.ReadVarint();
            var number = tag >> 3;
            if (number is 0 or > 536_870_911) throw new BadValueException($"the field at byte {start} has the number {number}, which there is not");
            var wire = (int)(tag & 7);
            if (wire == 4)
            {
                if ((int)number != group) throw new BadValueException($"the group {number} ends at byte {start}, and did not begin");
                _level--;
                return;
            }
            ReadField(FieldOf(step, (int)number), (int)number, wire, end, counters);
            if (isRoot && (int)number == _own) (Own ??= []).Add((start, _bytes.At));
        }
        if (_bytes.At != end) throw new BadValueException($"the message should end at byte {end}, and ends at byte {_bytes.At}");
        if (group != 0) throw new BadValueException($"the group {group} does not end");
        _level--;
    }

    private static ProtoFieldStep? FieldOf(ProtoStep? step, int number)
    {
        if (step is null) return null;
        foreach (var field in step.Fields)
            if (field.Field.Number == number) return field;
        return null;
    }

    private void ReadField(ProtoFieldStep? step, int number, int wire, int end, scoped Span<long> counters)
    {
        if (step is not null && !step.Field.Fits(wire)) step = null; // as a field that nobody knows
        if (step is not null)
        {
            foreach (var pointer in step.Clears) _found[pointer] = default;
            foreach (var pointer in step.WholeEnds) _found[pointer] = new(FoundKind.Other, Type: step.Field.IsMap ? "map" : "list");
        }
        switch (wire)
        {
            case 0:
                var value = _bytes.ReadVarint();
                if (step is not null) Note(ItemOf(step, counters), value);
                break;
            case 1:
                _bytes.Take(8, "a number");
                if (step is not null) Note(ItemOf(step, counters));
                break;
            case 5:
                _bytes.Take(4, "a number");
                if (step is not null) Note(ItemOf(step, counters));
                break;
            case 2:
                ReadBytes(step, counters);
                break;
            case 3:
                var item = step is null ? null : ItemOf(step, counters);
                if (item is not null) Note(item);
                ReadMessage(item?.Into, end, number);
                break;
            default:
                throw new BadValueException($"the field before byte {_bytes.At} has the wire type {wire}, which there is not");
        }
        if (_bytes.At > end) throw new BadValueException($"the field {number} ends at byte {_bytes.At}, and its message at byte {end}");
    }

    private void ReadBytes(ProtoFieldStep? step, scoped Span<long> counters)
    {
        var length = _bytes.ReadVarint();
        var start = _bytes.Take(length > int.MaxValue ? int.MaxValue : (long)length, "a field");
        if (step is null) return;
        if (step.Field.IsMap)
        {
            ReadEntry(step, start, _bytes.At);
            return;
        }
        var packed = step.Field.IsRepeated && step.Field.Kind is ProtoKind.Varint or ProtoKind.Fixed32 or ProtoKind.Fixed64;
        if (packed)
        {
            ReadPacked(step, start, _bytes.At, counters);
            return;
        }
        if (ItemOf(step, counters) is { } item) ReadItem(item, start, _bytes.At);
    }

    private void ReadItem(ProtoFieldStep item, int start, int end)
    {
        if (item.Field.Kind == ProtoKind.String)
        {
            foreach (var pointer in item.Ends) _found[pointer] = new(FoundKind.Text, start, end);
            return;
        }
        Note(item);
        if (item.Into is not { } into) return;
        var outer = _bytes;
        _bytes = new(_bytes.Between(0, end), start);
        ReadMessage(into, end, group: 0);
        _bytes = outer;
    }

    private void ReadPacked(ProtoFieldStep step, int start, int end, scoped Span<long> counters)
    {
        var outer = _bytes;
        _bytes = new(_bytes.Between(0, end), start);
        while (!_bytes.AtEnd)
        {
            var value = 0UL;
            if (step.Field.Kind == ProtoKind.Varint) value = _bytes.ReadVarint();
            else _bytes.Take(step.Field.Kind == ProtoKind.Fixed32 ? 4 : 8, "a number");
            Note(ItemOf(step, counters), value);
        }
        _bytes = outer;
    }

    // Its key and its value may come in any order.
    private void ReadEntry(ProtoFieldStep step, int start, int end)
    {
        var outer = _bytes;
        var (keyStart, keyEnd, key) = (start, start, 0L);
        var (valueStart, valueEnd, number) = (start, start, 0UL);
        var keyField = step.Key!;
        _bytes = new(_bytes.Between(0, end), start);
        while (!_bytes.AtEnd)
        {
            var tag = _bytes.ReadVarint();
            var value = Skip(tag, out var from);
            if (tag >> 3 == 1) (keyStart, keyEnd, key) = (from, _bytes.At, SignedOf(keyField, value));
            if (tag >> 3 == 2) (valueStart, valueEnd, number) = (from, _bytes.At, value);
        }
        foreach (var (name, index, item) in step.Chosen)
        {
            var isIt = keyField.Kind == ProtoKind.String ? _bytes.Between(keyStart, keyEnd).SequenceEqual(name) : key == index;
            if (!isIt) continue;
            foreach (var pointer in item.All) _found[pointer] = default;
            if (item.Field.Kind is ProtoKind.String or ProtoKind.Bytes or ProtoKind.Message) ReadItem(item, valueStart, valueEnd);
            else Note(item, number);
        }
        _bytes = outer;
    }

    private ulong Skip(ulong tag, out int from)
    {
        from = _bytes.At;
        switch (tag & 7)
        {
            case 0:
                return _bytes.ReadVarint();
            case 1:
                return (ulong)_bytes.ReadInt64();
            case 5:
                return (ulong)(long)_bytes.ReadInt32();
            case 2:
                var length = _bytes.ReadVarint();
                from = _bytes.Take(length > int.MaxValue ? int.MaxValue : (long)length, "a field");
                return 0;
            default:
                throw new BadValueException($"an entry of a map has a field of the wire type {tag & 7} before byte {_bytes.At}");
        }
    }

    private static long SignedOf(ProtoField key, ulong value) =>
        key.Format == ProtoNumber.ZigZag ? (long)(value >> 1) ^ -(long)(value & 1) : (long)value;

    /// <summary>The step of one item of a list, or of the field itself; null where no pointer leads to it.</summary>
    private static ProtoFieldStep? ItemOf(ProtoFieldStep step, Span<long> counters)
    {
        if (step.Counter < 0) return step;
        var index = counters[step.Counter]++;
        foreach (var (_, chosen, item) in step.Chosen)
            if (chosen == index) return item;
        return null;
    }

    private void Note(ProtoFieldStep? item, ulong value = 0)
    {
        if (item is null) return;
        var field = item.Field;
        if (field.Format == ProtoNumber.Enum && field.Kind == ProtoKind.Varint && field.Symbols.TryGetValue((int)value, out var symbol))
        {
            foreach (var pointer in item.Ends) _found[pointer] = new(FoundKind.Text, 0, symbol.Length, Body: symbol);
            return;
        }
        foreach (var pointer in item.Ends) _found[pointer] = new(FoundKind.Other, Type: field.Type);
    }
}
