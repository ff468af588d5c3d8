using System.Text.Json;
using System.Text.Json.Nodes;
using MtlStream.Registry.Schemas;

namespace MtlStream.Registry.Avro;

/// <summary>A schema of Avro 1.12, with everything that it refers to in one document. Immutable.</summary>
internal sealed class AvroSchema
{
    /// <summary>Member that each record, or each record of a union, gets in an answer.</summary>
    public const string Analysis = "analysis";

    private const int MostTypes = 100_000;
    private const int MostLevels = 200;

    private static readonly JsonDocumentOptions s_reading = new() { MaxDepth = MostLevels * 3 };

    private static readonly Dictionary<string, AvroKind> s_primitives = new()
    {
        ["null"] = AvroKind.Null,
        ["boolean"] = AvroKind.Boolean,
        ["int"] = AvroKind.Int,
        ["long"] = AvroKind.Long,
        ["float"] = AvroKind.Float,
        ["double"] = AvroKind.Double,
        ["bytes"] = AvroKind.Bytes,
        ["string"] = AvroKind.String,
    };

    private readonly Dictionary<string, AvroNode> _named = [];
    private readonly Dictionary<string, JsonNode> _elsewhere = [];
    private readonly List<AvroNode> _all = [];

    private AvroSchema(SchemaText schema)
    {
        foreach (var reference in schema.References) Gather(Read(reference.Text), "", 0);
        Document = Read(schema.Text);
        Root = Compile(Document, "", 0, resolved => Document = resolved);
        foreach (var record in Records) record.Extended = true;
        AvroSizes.Set(_all);
    }

    public AvroNode Root { get; }

    /// <summary>The schema, self-contained: referenced types are in it where they are used first.</summary>
    public JsonNode Document { get; private set; }

    /// <summary>The records that a value may be: one, or those of a union.</summary>
    public IEnumerable<AvroNode> Records =>
        Root.Kind == AvroKind.Record ? [Root] : Root.Branches.Where(b => b.Kind == AvroKind.Record);

    /// <exception cref="UnusableSchemaException">It is no Avro schema.</exception>
    public static AvroSchema Parse(SchemaText schema)
    {
        try
        {
            return new(schema);
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException or ArgumentException
            or InsufficientExecutionStackException)
        {
            throw new UnusableSchemaException($"The schema is no Avro schema: {wrong.Message.Split('\n')[0].TrimEnd('.')}");
        }
    }

    /// <summary>The name of a definition with its namespace.</summary>
    public static string FullName(JsonObject definition, string enclosing)
    {
        var name = (string?)definition["name"] ?? throw new FormatException("a named type has no name");
        if (name.Contains('.', StringComparison.Ordinal)) return name;
        var space = definition["namespace"] is JsonValue given ? (string)given! : enclosing;
        return space.Length == 0 ? name : $"{space}.{name}";
    }

    public static string NamespaceOf(string fullName) =>
        fullName.LastIndexOf('.') is var dot and > 0 ? fullName[..dot] : "";

    private static JsonNode Read(string text) =>
        JsonNode.Parse(IsBareName(text) ? $"\"{text.Trim()}\"" : text, null, s_reading) ?? throw new FormatException("it is null");

    // Some registries keep a primitive type without its quotes.
    private static bool IsBareName(string text) => s_primitives.ContainsKey(text.Trim());

    /// <summary>Notes the definitions of a referenced schema, by their full names.</summary>
    private void Gather(JsonNode? node, string enclosing, int level)
    {
        if (level > MostLevels) throw new FormatException($"it is nested over {MostLevels} levels deep");
        if (node is JsonArray array)
            foreach (var branch in array) Gather(branch, enclosing, level + 1);
        if (node is not JsonObject definition) return;
        var type = definition["type"];
        var within = enclosing;
        if (type is JsonValue && (string?)type is "record" or "error" or "enum" or "fixed")
        {
            var full = FullName(definition, enclosing);
            within = NamespaceOf(full);
            _elsewhere.TryAdd(full, definition);
        }
        foreach (var field in definition["fields"] as JsonArray ?? []) Gather(field?["type"], within, level + 1);
        if (type is not JsonValue) Gather(type, within, level + 1);
        Gather(definition["items"], within, level + 1);
        Gather(definition["values"], within, level + 1);
    }

    /// <param name="replace">Puts another node in this one's place in the document.</param>
    private AvroNode Compile(JsonNode? node, string enclosing, int level, Action<JsonNode> replace)
    {
        if (level > MostLevels) throw new FormatException($"it is nested over {MostLevels} levels deep");
        if (_all.Count > MostTypes) throw new FormatException($"it has over {MostTypes} types");
        return node switch
        {
            JsonArray branches => Union(branches, enclosing, level),
            JsonObject definition => Definition(definition, enclosing, level, replace),
            JsonValue => Named((string)node!, enclosing, level, replace),
            _ => throw new FormatException("a type is null"),
        };
    }

    private AvroNode Named(string name, string enclosing, int level, Action<JsonNode> replace)
    {
        if (s_primitives.TryGetValue(name, out var primitive)) return Add(new(primitive, name));
        var full = name.Contains('.', StringComparison.Ordinal) || enclosing.Length == 0 ? name : $"{enclosing}.{name}";
        if (_named.TryGetValue(full, out var known) || _named.TryGetValue(name, out known)) return known;
        var key = _elsewhere.ContainsKey(full) ? full : name;
        if (!_elsewhere.TryGetValue(key, out var definition)) throw new FormatException($"the type {full} is not defined");
        var copy = (JsonObject)definition.DeepClone();
        copy["name"] = key[(key.LastIndexOf('.') + 1)..];
        copy["namespace"] = NamespaceOf(key);
        replace(copy);
        return Compile(copy, "", level + 1, _ => { });
    }

    private AvroNode Definition(JsonObject definition, string enclosing, int level, Action<JsonNode> replace)
    {
        var type = definition["type"] ?? throw new FormatException("a type has no member \"type\"");
        if (type is not JsonValue) return Compile(type, enclosing, level + 1, other => definition["type"] = other);
        switch ((string)type!)
        {
            case "record" or "error":
                return Record(definition, enclosing, level);
            case "enum":
                var symbols = ((definition["symbols"] as JsonArray) ?? throw new FormatException("an enum has no symbols")).Select(s => AvroNode.Utf8((string)s!));
                return Name(definition, enclosing, new(AvroKind.Enum, FullName(definition, enclosing)) { Symbols = [.. symbols] });
            case "fixed":
                var size = (int?)definition["size"] ?? throw new FormatException("a fixed has no size");
                if (size < 0) throw new FormatException($"a fixed has the size {size}");
                return Name(definition, enclosing, new(AvroKind.Fixed, FullName(definition, enclosing)) { Size = size });
            case "array":
                var array = Add(new(AvroKind.Array, "array"));
                array.Item = Compile(definition["items"], enclosing, level + 1, other => definition["items"] = other);
                return array;
            case "map":
                var map = Add(new(AvroKind.Map, "map"));
                map.Item = Compile(definition["values"], enclosing, level + 1, other => definition["values"] = other);
                return map;
            case var name:
                return Named(name, enclosing, level, definition.Count == 1 ? replace : other => definition["type"] = other);
        }
    }

    private AvroNode Record(JsonObject definition, string enclosing, int level)
    {
        var full = FullName(definition, enclosing);
        var record = Name(definition, enclosing, new(AvroKind.Record, full));
        var fields = new List<AvroField>();
        var names = new HashSet<string>();
        foreach (var node in definition["fields"] as JsonArray ?? throw new FormatException($"the record {full} has no fields"))
        {
            var field = node as JsonObject ?? throw new FormatException($"a field of {full} is no object");
            var name = (string?)field["name"] ?? throw new FormatException($"a field of {full} has no name");
            if (!names.Add(name)) throw new FormatException($"the record {full} has two fields {name}");
            var type = Compile(field["type"], NamespaceOf(full), level + 1, other => field["type"] = other);
            fields.Add(new(name, AvroNode.Utf8(name), type));
        }
        record.Fields = fields;
        return record;
    }

    private AvroNode Union(JsonArray branches, string enclosing, int level)
    {
        var union = Add(new(AvroKind.Union, "union"));
        var nodes = new List<AvroNode>();
        for (var i = 0; i < branches.Count; i++)
        {
            var index = i;
            nodes.Add(Compile(branches[i], enclosing, level + 1, other => branches[index] = other));
        }
        if (nodes.Count == 0) throw new FormatException("a union has no branches");
        union.Branches = nodes;
        return union;
    }

    private AvroNode Name(JsonObject definition, string enclosing, AvroNode node)
    {
        if (!_named.TryAdd(node.Name, node)) throw new FormatException($"the type {FullName(definition, enclosing)} is defined twice");
        return Add(node);
    }

    private AvroNode Add(AvroNode node)
    {
        _all.Add(node);
        return node;
    }
}
