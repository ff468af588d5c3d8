using MtlStream.Learning.Data;

namespace MtlStream.Tests.Learning;

public sealed class LabelledSetTests
{
    [Fact]
    public void Doubles_are_counted_once_and_contradictions_are_named()
    {
        var set = LabelledSet.Of(
            [new("same", ["a"], 2), new("same", ["a"], 3), new("both", ["a"], 4), new("both", ["b"], 5), new("other", ["b"], 6)], multiLabel: false);

        Assert.Equal([2, 4, 5, 6], set.Texts.Select(t => t.Line));
        Assert.Contains(set.Findings, f => f.Kind == "duplicate");
        Assert.Contains(set.Findings, f => f.Kind == "contradiction" && f.Message.Contains("lines 4, 5", StringComparison.Ordinal));
    }

    [Fact]
    public void Findings_repeat_no_text()
    {
        var set = LabelledSet.Of(
            [new("a secret", ["a"], 2), new("a secret", ["b"], 3), new(" ", ["a"], 4), new("x", ["a"], 5), new("y", ["b"], 6)], multiLabel: false);

        Assert.Contains(set.Findings, f => f.Kind == "empty text");
        Assert.All(set.Findings, f => Assert.DoesNotContain("secret", f.Message, StringComparison.Ordinal));
    }

    public static TheoryData<LabelledExample[], string> Refused => new()
    {
        { [new("x", ["a"], 2), new("y", ["a"], 3)], "all texts have the label a" },
        { [new("x", ["a"], 2), new("y", ["b"], 3), new("z", ["a"], 4)], "the label b has one text" },
        { [new("x", ["a\nb"], 2), new("y", ["c"], 3)], "line 2: a label holds a line end" },
        { [new("x", ["a", "b"], 2), new("y", ["a"], 3), new("z", ["b"], 4)], "multi_label" },
        { [new("x", [], 2)], "no text has a label" },
        { [.. Enumerable.Range(0, 1001).Select(i => new LabelledExample("x", [$"label {i}"], i))], "1001 labels" },
        { [.. Enumerable.Range(0, 10_000).Select(i => new LabelledExample("x", [$"label {i}"], i))], "found 10000 labels, expected at most 1000" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_cannot_be_learnt_from_is_refused_with_the_reason(LabelledExample[] texts, string expected) =>
        Assert.Contains(expected, Assert.Throws<UsageException>(() => LabelledSet.Of(texts, multiLabel: false)).Message, StringComparison.Ordinal);

    [Fact]
    public void Test_texts_that_are_taught_too_are_leakage()
    {
        var set = LabelledSet.Of([new("x", ["a"], 2), new("y", ["b"], 3), new("z", ["a"], 4), new("w", ["b"], 5)], multiLabel: false);

        Assert.Equal("leakage", set.LeakageInto([new("y", ["b"], 9)])?.Kind);
        Assert.Null(set.LeakageInto([new("new", ["b"], 9)]));
    }
}
