using System.Text;
using MtlStream.Json;

namespace MtlStream.Registry.Answers;

internal enum FormKind
{
    Text,
    Whole,
    Number,
    Flag,
    Fields,
    List,
    Map,
}

/// <param name="Json">Name in the analysis, in UTF-8.</param>
/// <param name="Name">Name in schemas, which allow letters, digits and underscores.</param>
/// <param name="Optional">Whether it may be missing: tasks come and go with packages.</param>
/// <param name="Number">Of the field in Protobuf. Those of tasks come from their names: a package with other tasks does not move them.</param>
internal sealed record FormMember(byte[] Json, string Name, AnalysisForm Form, bool Optional, int Number);

/// <summary>What an analysis looks like, as schemas declare it. Immutable.</summary>
/// <param name="TypeName">Of what has members: a name of its own.</param>
internal sealed record AnalysisForm(FormKind Kind, string TypeName, FormMember[] Members, AnalysisForm? Element)
{
    private const string Tasks = "tasks";

    public static AnalysisForm Of(Shape shape) => Of(shape, "Analysis", "");

    /// <summary>The same for forms that are alike.</summary>
    public string Signature
    {
        get
        {
            var text = new StringBuilder();
            Describe(text);
            return text.ToString();
        }
    }

    private static AnalysisForm Of(Shape shape, string typeName, string name) => shape switch
    {
        Shape.Fields fields => new(FormKind.Fields, typeName, MembersOf(fields, typeName, areTasks: name == Tasks), null),
        Shape.ListOf list => new(FormKind.List, typeName, [], Of(list.Element, typeName + "_item", "")),
        Shape.MapOf map => new(FormKind.Map, typeName, [], Of(map.Value, typeName + "_value", "")),
        Shape.Scalar scalar => new(KindOf(scalar.Kind), typeName, [], null),
        _ => throw new ArgumentException($"There is no form for {shape.GetType().Name}.", nameof(shape)),
    };

    private static FormKind KindOf(Shape.ScalarKind kind) => kind switch
    {
        Shape.ScalarKind.Text => FormKind.Text,
        Shape.ScalarKind.Whole => FormKind.Whole,
        Shape.ScalarKind.Number => FormKind.Number,
        _ => FormKind.Flag,
    };

    private static FormMember[] MembersOf(Shape.Fields fields, string typeName, bool areTasks)
    {
        var members = new List<FormMember>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var numbers = new HashSet<int>();
        foreach (var field in fields.All)
        {
            var name = Identifier(field.Name);
            while (!names.Add(name)) name += "_";
            var form = Of(field.Shape, $"{typeName}_{name}", field.Name);
            var number = areTasks ? NumberOf(name) : members.Count + 1;
            while (!numbers.Add(number)) number++;
            members.Add(new(Encoding.UTF8.GetBytes(field.Name), name, form, field.Optional || areTasks, number));
        }
        return [.. members];
    }

    // FNV-1a, into numbers of two and three bytes below those that Protobuf keeps for itself.
    private static int NumberOf(string name)
    {
        var hash = 2166136261u;
        foreach (var c in name) hash = (hash ^ c) * 16777619u;
        return 100 + (int)(hash % 18_000);
    }

    private static string Identifier(string name)
    {
        var letters = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '_'));
        return letters.Length == 0 || char.IsAsciiDigit(letters[0]) ? "_" + letters : letters;
    }

    private void Describe(StringBuilder text)
    {
        text.Append(Kind).Append('(');
        foreach (var member in Members)
        {
            text.Append(member.Name).Append(member.Optional ? "?:" : ":");
            member.Form.Describe(text);
        }
        Element?.Describe(text);
        text.Append(')');
    }
}
