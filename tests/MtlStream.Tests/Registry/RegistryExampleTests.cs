using System.Text.RegularExpressions;
using MtlStream.Registry.Schemas;

namespace MtlStream.Tests.Registry;

/// <summary>The examples of docs/events.md: a schema, and the one that its answers have.</summary>
public sealed partial class RegistryExampleTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "events.md"));

    [Fact]
    public async Task The_example_in_avro_is_what_comes_out() =>
        await AssertComesOutAsync("""{"type":"record","name":"Review",""", "", SchemaType.Avro, [16, .. "good day"u8]);

    [Fact]
    public async Task The_example_in_protobuf_is_what_comes_out() =>
        await AssertComesOutAsync("message Review {", """syntax = "proto3"; """, SchemaType.Protobuf, [0, .. new ProtoBytes().Text(1, "good day").All]);

    private static async Task AssertComesOutAsync(string begins, string before, SchemaType type, byte[] value)
    {
        var block = s_page[s_page.IndexOf("```text\n" + begins, StringComparison.Ordinal)..].Split("```")[1].Split('\n', 3);
        var registry = new TableRegistry();
        registry.Add(7, before + block[1], type);
        using var run = new RegistryRun(registry);

        Assert.Equal("good day", await run.TextAsync(RegistryRun.Framed(7, value)));
        await run.AnswerAsync(RegistryRun.Framed(7, value));

        var parts = Blanks().Replace(before + block[2], "").Split('…');
        var found = Blanks().Replace(Assert.Single(registry.Registered).Schema.Text, "");
        Assert.StartsWith(parts[0], found, StringComparison.Ordinal);
        Assert.EndsWith(parts[1], found, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
