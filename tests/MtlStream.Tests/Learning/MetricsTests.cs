using System.Runtime.CompilerServices;
using System.Text.Json;
using MtlStream.Learning;

namespace MtlStream.Tests.Learning;

/// <summary>The cases of <c>tests/metrics.json</c> are those that training's metrics pass too.</summary>
public sealed class MetricsTests
{
    private static readonly JsonElement s_cases = Cases();

    private static (IReadOnlyList<string> True, IReadOnlyList<string> Given) Answer(string truth, string given) => (Split(truth), Split(given));

    private static string[] Split(string labels) => labels.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public static TheoryData<string> SpanCases() => Names("spans");

    public static TheoryData<string> SpanF1Cases() => Names("spanF1");

    public static TheoryData<string> SingleLabelCases() => Names("singleLabel");

    public static TheoryData<string> MultiLabelCases() => Names("multiLabel");

    [Theory]
    [MemberData(nameof(SpanCases))]
    public void Spans_are_read_from_BIO_tags_as_conlleval_does(string name)
    {
        var @case = Case("spans", name);
        var expected = @case.GetProperty("spans").EnumerateArray().Select(s => (s[0].GetInt32(), s[1].GetInt32(), s[2].GetString()!));

        Assert.Equal(expected, Metrics.Spans(Split(Text(@case, "tags"))));
    }

    [Theory]
    [MemberData(nameof(SpanF1Cases))]
    public void A_span_is_right_when_both_its_ends_and_its_kind_are(string name)
    {
        var @case = Case("spanF1", name);
        var answers = Texts(@case, "true").Zip(Texts(@case, "given"), (truth, given) =>
            ((IReadOnlyList<(int, int, string)>)Metrics.Spans(Split(truth)), (IReadOnlyList<(int, int, string)>)Metrics.Spans(Split(given))));

        Assert.Equal(@case.GetProperty("f1").GetDouble(), Metrics.Items(answers).F1, 1e-12);
    }

    [Theory]
    [MemberData(nameof(SingleLabelCases))]
    public void Macro_scores_are_means_over_labels_not_over_texts(string name)
    {
        var @case = Case("singleLabel", name);
        var tallies = Metrics.PerLabel(Split(Text(@case, "labels")), Split(Text(@case, "true")).Zip(Split(Text(@case, "given")), Answer));

        Assert.Equal(@case.GetProperty("macroRecall").GetDouble(), Metrics.MacroRecall(tallies), 1e-12);
        Assert.Equal(@case.GetProperty("macroF1").GetDouble(), Metrics.MacroF1(tallies), 1e-12);
    }

    [Theory]
    [MemberData(nameof(MultiLabelCases))]
    public void Several_labels_of_one_text_are_judged_one_by_one(string name)
    {
        var @case = Case("multiLabel", name);
        var tallies = Metrics.PerLabel(Split(Text(@case, "labels")), Texts(@case, "true").Zip(Texts(@case, "given"), Answer));

        Assert.Equal(@case.GetProperty("f1").EnumerateArray().Select(f => f.GetDouble()), tallies.Select(t => t.F1));
        Assert.Equal(@case.GetProperty("macroF1").GetDouble(), Metrics.MacroF1(tallies), 1e-12);
    }

    [Fact]
    public void A_label_that_the_task_does_not_have_is_named_with_those_it_has()
    {
        var message = Assert.Throws<UsageException>(() => Metrics.PerLabel(["neg", "pos"], [Answer("negative", "neg")])).Message;

        Assert.Equal("the test set has the label negative, the package's task has neg, pos; leave the task out with --tasks.", message);
    }

    [Fact]
    public void An_item_given_twice_is_right_only_as_often_as_it_is_true()
    {
        var tally = Metrics.Items<int>([([1, 2, 3], [1, 1, 3, 4])]);

        Assert.Equal((2, 4, 3), (tally.Right, tally.Given, tally.True));
        Assert.Equal(4 / 7.0, tally.F1, 1e-12);
    }

    private static TheoryData<string> Names(string kind) => [.. s_cases.GetProperty(kind).EnumerateArray().Select(c => Text(c, "name"))];

    private static JsonElement Case(string kind, string name) => s_cases.GetProperty(kind).EnumerateArray().Single(c => Text(c, "name") == name);

    private static string Text(JsonElement @case, string member) => @case.GetProperty(member).GetString()!;

    private static IEnumerable<string> Texts(JsonElement @case, string member) => @case.GetProperty(member).EnumerateArray().Select(t => t.GetString()!);

    private static JsonElement Cases([CallerFilePath] string path = "")
    {
        var folder = new DirectoryInfo(Path.GetDirectoryName(path)!);
        while (!File.Exists(Path.Combine(folder.FullName, "metrics.json"))) folder = folder.Parent!;
        return JsonSerializer.Deserialize<JsonElement>(File.ReadAllText(Path.Combine(folder.FullName, "metrics.json")));
    }
}
