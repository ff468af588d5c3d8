using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using MtlStream.Host.Configuration;

namespace MtlStream.Tests.Host;

/// <summary>The table of docs/settings.md is made of the options classes and their comments.</summary>
public sealed partial class SettingsPageTests
{
    /// <summary>Set, the page is written instead of compared.</summary>
    private const string Switch = "MTLSTREAM_WRITE_DOCS";

    private const string Head = "| setting | default | values | meaning |\n|---|---|---|---|\n";

    private static readonly Dictionary<Assembly, XDocument> s_comments = [];

    [Fact]
    public void The_page_is_what_the_options_classes_say()
    {
        var path = Path.Combine(Repository.Root, "docs", "settings.md");
        var page = File.ReadAllText(path);
        var expected = Table().Replace(page, Written().Replace("$", "$$", StringComparison.Ordinal), 1);
        if (Environment.GetEnvironmentVariable(Switch) is { Length: > 0 }) File.WriteAllText(path, expected);

        Assert.True(expected == File.ReadAllText(path), $"docs/settings.md is not what the options classes say: run this test with {Switch}=1.\n{Difference(page, expected)}");
    }

    [Fact]
    public void Every_setting_says_what_it_means() => Assert.All(SettingsSchema.All(), s => Assert.NotEmpty(Meaning(s.Property)));

    private static string Written()
    {
        var table = new StringBuilder(Head);
        foreach (var setting in SettingsSchema.All())
            table.Append(CultureInfo.InvariantCulture, $"| `{setting.Key}` | {Code(setting.Default.Replace("\n", "\\n", StringComparison.Ordinal))}| {Values(setting.Property)}| {Meaning(setting.Property)} |\n");
        return table.ToString();
    }

    private static string Code(string value) => value.Length == 0 ? "" : $"`{value}` ";

    /// <summary>The names of an enum, or the range of a number or time.</summary>
    private static string Values(PropertyInfo property)
    {
        var type = property.PropertyType;
        if (type.IsEnum) return string.Join(", ", Enum.GetNames(type).Select(n => $"`{n}`")) + " ";
        if (type == typeof(bool)) return "`true`, `false` ";
        if (property.GetCustomAttribute<RangeAttribute>() is { } range) return $"{Number(range.Minimum)} to {Number(range.Maximum)} ";
        return type.IsAssignableTo(typeof(IReadOnlyDictionary<string, double>)) ? "0 to 1 " : "";
    }

    private static string Number(object limit) => limit is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : (string)limit;

    private static string Meaning(PropertyInfo property)
    {
        var assembly = property.DeclaringType!.Assembly;
        if (!s_comments.TryGetValue(assembly, out var comments))
            s_comments[assembly] = comments = XDocument.Load(Path.Combine(AppContext.BaseDirectory, assembly.GetName().Name + ".xml"));
        var name = $"P:{property.DeclaringType.FullName}.{property.Name}";
        var summary = comments.Descendants("member").SingleOrDefault(m => (string?)m.Attribute("name") == name)?.Element("summary");
        return summary is null ? "" : Space().Replace(string.Concat(summary.Nodes().Select(Markdown)), " ").Trim();
    }

    private static string Markdown(XNode node) => node switch
    {
        XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
        XElement { Name.LocalName: "see" } link when link.Attribute("href") is { } target => $"[{link.Value}]({target.Value})",
        XText text => text.Value,
        _ => throw new InvalidOperationException($"Found {node}, expected text, <c> or <see href> in the comment of a setting."),
    };

    private static string Difference(string page, string expected) =>
        string.Join('\n', expected.Split('\n').Except(page.Split('\n')).Select(l => "expected " + l).Concat(page.Split('\n').Except(expected.Split('\n')).Select(l => "found    " + l)));

    [GeneratedRegex(@"^\| setting \| default \|.*\n(?:\|.*\n)+", RegexOptions.Multiline)]
    private static partial Regex Table();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
