using MtlStream.Events;
using MtlStream.Host.Review;
using MtlStream.Learning.Review;
using MtlStream.Tests.Models;

namespace MtlStream.Tests.Host;

/// <summary>Questions of the page, and where their answers go.</summary>
public sealed class PageReviewerTests : IDisposable
{
    private readonly ToyPackage _package = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-page").FullName;

    public void Dispose()
    {
        _package.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Questions => Path.Combine(_folder, "events.jsonl");

    private string Answers => Questions + ".answers.jsonl";

    [Fact]
    public void Answers_are_written_down_at_once_and_can_be_taken_back()
    {
        using var reviewer = Reviewer();
        var first = reviewer.State("", "anna");
        Assert.Equal(("mood", 3, 0, false), (first.Task, first.Left, first.Done, first.CanUndo));
        Assert.Equal(["mood", "traits", "names"], first.Tasks);
        Assert.False(first.Spans);

        var second = reviewer.Answer("mood", "anna", first.Question!.Id, ["high"]);

        Assert.Equal((2, 1, true), (second.Left, second.Done, second.CanUndo));
        Assert.Equal(["high"], new AnswerFile(Answers).Read().Single().Labels);
        var back = reviewer.Undo("mood", "anna");
        Assert.Equal((3, first.Question.Id, false), (back.Left, back.Question!.Id, back.CanUndo));
        Assert.True(new AnswerFile(Answers).Read()[^1].Withdrawn);
    }

    [Fact]
    public void What_was_answered_before_is_not_asked_again()
    {
        using (var reviewer = Reviewer())
        {
            for (var state = reviewer.State("mood", "anna"); state.Question is { } question; state = reviewer.Answer("mood", "anna", question.Id, null))
            {
            }
        }

        using var later = Reviewer();

        Assert.Equal((0, 3), (later.State("mood", "anna").Left, later.State("mood", "anna").Done));
    }

    [Fact]
    public void Labels_that_there_are_not_are_refused_and_nothing_is_written()
    {
        using var reviewer = Reviewer();
        var id = reviewer.State("mood", "anna").Question!.Id;

        foreach (var labels in new[] { new[] { "glad" }, ["high", "low"] })
            Assert.Throws<ArgumentException>(() => reviewer.Answer("mood", "anna", id, labels));
        Assert.Throws<ArgumentException>(() => reviewer.Answer("mood", "anna", "no such question", ["high"]));
        Assert.Throws<ArgumentException>(() => reviewer.State("ages", "anna"));
        Assert.Equal(2, reviewer.Answer("traits", "anna", id, ["red", "blue"]).Left);

        Assert.Single(new AnswerFile(Answers).Read());
    }

    [Fact]
    public void Parts_of_a_text_are_labelled_and_what_is_none_is_refused()
    {
        using var reviewer = Reviewer();
        var state = reviewer.State("names", "anna");
        var id = state.Question!.Id;

        Assert.True(state.Spans);
        Assert.DoesNotContain(state.Labels, label => label is "O" || label.StartsWith("B-", StringComparison.Ordinal));
        var type = state.Labels[0];
        foreach (var wrong in (string[][])[[type], [$"{type} 5-3"], [$"{type} 0-99"], ["thing 0-3"], [$"{type} 0-4", $"{type} 2-8"]])
            Assert.StartsWith("labels: ", Assert.Throws<ArgumentException>(() => reviewer.Answer("names", "anna", id, wrong)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Answers));

        Assert.Equal(1, reviewer.Answer("names", "anna", id, [$"{type} 0-8", $"{type} 9-10"]).Done);
        Assert.Equal([$"{type} 0-8", $"{type} 9-10"], new AnswerFile(Answers).Read().Single().Labels);
    }

    private PageReviewer Reviewer()
    {
        File.WriteAllLines(Questions, Enumerable.Range(0, 3).Select(i => $$"""{"text": "question {{i}}"}"""));
        var manifest = _package.Manifest();
        return new(() => ReviewStore.FromFile(Questions, new InputOptions(), null), () => manifest, TimeProvider.System);
    }
}
