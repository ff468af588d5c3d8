extern alias ProtoText;

using System.Text;
using MtlStream.Registry.Schemas;
using ProtoText::Google.Protobuf.Reflection;

namespace MtlStream.Registry.Protobuf;

/// <summary>A .proto file with what it imports, read at run time by protobuf-net's parser. Immutable.</summary>
internal sealed class ProtoSchema
{
    private const string Main = "schema.proto";
    private const int MostBytes = 8 << 20;

    /// <summary>Messages in messages: the parser goes down into each on the stack.</summary>
    private const int MostLevels = 100;

    private readonly Dictionary<string, ProtoMessage> _messages = [];
    private readonly Dictionary<string, Dictionary<int, byte[]>> _enums = [];
    private readonly List<(ProtoMessage Message, DescriptorProto Descriptor)> _unlinked = [];

    private ProtoSchema(SchemaText schema)
    {
        var set = new FileDescriptorSet();
        foreach (var reference in schema.References) Add(set, reference.Name, reference.Text);
        Add(set, Main, schema.Text);
        set.Process();
        if (Array.Find(set.GetErrors(), e => e.IsError) is { } error)
            throw new UnusableSchemaException($"The schema is no Protobuf schema: {error.Message.TrimEnd('.')}, line {error.LineNumber} of {error.File}");
        foreach (var file in set.Files) AddTypes(file);
        foreach (var (message, descriptor) in _unlinked) Link(message, descriptor);
        var main = set.Files.First(f => f.Name == Main);
        IsProto3 = main.Syntax == "proto3";
        HasEdition = schema.Text.Contains("edition", StringComparison.Ordinal) && main.Syntax is not ("proto2" or "proto3");
        Messages = [.. main.MessageTypes.Select(m => _messages[Full(main.Package, m.Name)])];
        if (Messages.Count == 0) throw new UnusableSchemaException("The schema has no message");
    }

    public bool IsProto3 { get; }

    public bool HasEdition { get; }

    /// <summary>The messages of the file itself, in its order.</summary>
    public IReadOnlyList<ProtoMessage> Messages { get; }

    /// <exception cref="UnusableSchemaException">It is no .proto file.</exception>
    public static ProtoSchema Parse(SchemaText schema)
    {
        try
        {
            return new(schema);
        }
        catch (Exception wrong) when (wrong is not (UnusableSchemaException or OutOfMemoryException)) // of many types, for the text may be anything
        {
            throw new UnusableSchemaException($"The schema is no Protobuf schema: {wrong.Message.Split('\n')[0].TrimEnd('.')}");
        }
    }

    /// <summary>The message of that name, with its package or without; null when there is none.</summary>
    public ProtoMessage? Find(string name) =>
        _messages.GetValueOrDefault(name) ?? Messages.FirstOrDefault(m => m.FullName.EndsWith("." + name, StringComparison.Ordinal));

    private static void Add(FileDescriptorSet set, string name, string text)
    {
        if (text.Length > MostBytes) throw new UnusableSchemaException($"The schema has over {MostBytes} bytes");
        if (ProtoText.LevelsOf(text) > MostLevels) throw new UnusableSchemaException($"The schema is nested over {MostLevels} levels deep");
        set.Add(name, includeInOutput: true, new StringReader(text));
    }

    private static string Full(string? package, string name) => string.IsNullOrEmpty(package) ? name : $"{package}.{name}";

    private void AddTypes(FileDescriptorProto file)
    {
        foreach (var type in file.EnumTypes) AddEnum(file.Package, type);
        foreach (var type in file.MessageTypes) AddMessage(file.Package, type, []);
    }

    private ProtoMessage AddMessage(string? scope, DescriptorProto descriptor, IReadOnlyList<string> outer)
    {
        var full = Full(scope, descriptor.Name);
        var message = new ProtoMessage(full, [.. outer, descriptor.Name], descriptor.Options?.MapEntry ?? false);
        _messages[full] = message;
        _unlinked.Add((message, descriptor));
        foreach (var type in descriptor.EnumTypes) AddEnum(full, type);
        foreach (var type in descriptor.NestedTypes)
        {
            var nested = AddMessage(full, type, message.Path);
            if (!nested.IsMapEntry) message.Declared.Add(nested);
        }
        return message;
    }

    private void AddEnum(string? scope, EnumDescriptorProto type)
    {
        var symbols = new Dictionary<int, byte[]>();
        foreach (var value in type.Values) symbols.TryAdd(value.Number, Encoding.UTF8.GetBytes(value.Name));
        _enums[Full(scope, type.Name)] = symbols;
    }

    private void Link(ProtoMessage message, DescriptorProto descriptor)
    {
        foreach (var field in descriptor.Fields)
        {
            var type = field.TypeName?.TrimStart('.') ?? "";
            var linked = new ProtoField(
                field.Number, field.Name, field.JsonName is { Length: > 0 } json ? json : field.Name, KindOf(field.type), NameOf(field, type),
                field.label == FieldDescriptorProto.Label.LabelRepeated, field.ShouldSerializeOneofIndex() ? field.OneofIndex : -1)
            {
                Format = FormatOf(field.type),
                Symbols = field.type == FieldDescriptorProto.Type.TypeEnum && _enums.TryGetValue(type, out var symbols) ? symbols : [],
            };
            if (linked.Kind is ProtoKind.Message or ProtoKind.Group)
                linked.Message = _messages.GetValueOrDefault(type) ?? throw new UnusableSchemaException($"The message {type} is not defined");
            message.Fields.Add(linked);
        }
        message.IsTaken = number =>
            descriptor.Fields.Exists(f => f.Number == number)
            || descriptor.ReservedRanges.Exists(r => number >= r.Start && number < r.End)
            || descriptor.ExtensionRanges.Exists(r => number >= r.Start && number < r.End);
    }

    private static string NameOf(FieldDescriptorProto field, string type) => field.type switch
    {
        FieldDescriptorProto.Type.TypeMessage or FieldDescriptorProto.Type.TypeGroup => $"message {type}",
        FieldDescriptorProto.Type.TypeEnum => $"enum {type}",
        _ => field.type.ToString()["Type".Length..].ToLowerInvariant(),
    };

    private static ProtoKind KindOf(FieldDescriptorProto.Type type) => type switch
    {
        FieldDescriptorProto.Type.TypeString => ProtoKind.String,
        FieldDescriptorProto.Type.TypeBytes => ProtoKind.Bytes,
        FieldDescriptorProto.Type.TypeMessage => ProtoKind.Message,
        FieldDescriptorProto.Type.TypeGroup => ProtoKind.Group,
        FieldDescriptorProto.Type.TypeFloat or FieldDescriptorProto.Type.TypeFixed32 or FieldDescriptorProto.Type.TypeSfixed32 => ProtoKind.Fixed32,
        FieldDescriptorProto.Type.TypeDouble or FieldDescriptorProto.Type.TypeFixed64 or FieldDescriptorProto.Type.TypeSfixed64 => ProtoKind.Fixed64,
        _ => ProtoKind.Varint,
    };

    private static ProtoNumber FormatOf(FieldDescriptorProto.Type type) => type switch
    {
        FieldDescriptorProto.Type.TypeFloat or FieldDescriptorProto.Type.TypeDouble => ProtoNumber.Real,
        FieldDescriptorProto.Type.TypeBool => ProtoNumber.Boolean,
        FieldDescriptorProto.Type.TypeEnum => ProtoNumber.Enum,
        FieldDescriptorProto.Type.TypeSint32 or FieldDescriptorProto.Type.TypeSint64 => ProtoNumber.ZigZag,
        FieldDescriptorProto.Type.TypeUint32 or FieldDescriptorProto.Type.TypeUint64 or FieldDescriptorProto.Type.TypeFixed32
            or FieldDescriptorProto.Type.TypeFixed64 => ProtoNumber.Unsigned,
        _ => ProtoNumber.Signed,
    };
}
