using System.Text;
using MtlStream.Events;
using MtlStream.Learning.Review;

namespace MtlStream.Tests.Learning;

public sealed class ReviewTests
{
    private const string Copy = """
        {"text":"so slow","analysis":{"schema":"enriched-event.v1","model":{"name":"m","version":"2"},"offsets":"utf16","truncated":false,"tasks":{
        "mood":{"label":"bad","score":0.5},"topics":{"labels":[{"label":"a","score":0.9}]},"names":{"spans":["x",{"start":"0","end":2,"label":"PER"},{"end":2,"label":"PER"},{"start":0,"end":2,"text":"so","label":"PER","score":0.9}]},"intent":{"label":null,"score":0.1}}}}
        """;

    [Fact]
    public void A_copy_asks_about_its_text_and_tells_what_the_model_gave_and_how_likely_it_was_to_be_drawn()
    {
        var question = Read(
            Copy, ("mtlstream.review", "mood=0.5000"), ("mtlstream.review.reasons", "uncertain,drifted"), ("mtlstream.review.event", "in/0/7"),
            ("mtlstream.review.probability", "0.25"))!;

        Assert.Equal(("in/0/7", "so slow", 0.25), (question.Id, question.Text, question.Probability));
        Assert.Equal(["mood"], question.Unsure);
        Assert.Equal(["uncertain", "drifted"], question.Reasons);
        Assert.Equal(new ModelName("m", "2"), question.Model);
        Assert.Equal(["bad"], question.Given["mood"]);
        Assert.Equal(["a"], question.Given["topics"]);
        Assert.Empty(question.Given["intent"]);
        Assert.Equal(["PER 0-2"], question.Given["names"]);
    }

    [Fact]
    public void An_analysis_inside_an_envelope_is_found_and_a_copy_without_headers_is_named_by_its_bytes()
    {
        var question = Read($$"""{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{{Copy}}}""")!;

        Assert.Equal("so slow", question.Text);
        Assert.Equal(["bad"], question.Given["mood"]);
        Assert.StartsWith("sha256:", question.Id, StringComparison.Ordinal);
        Assert.Null(question.Probability);
    }

    [Fact]
    public void A_copy_without_a_text_says_why_and_repeats_nothing()
    {
        Assert.Null(new QuestionReader(new()).Read(Record("""{"body":"xyzzy"}"""), out var problem));
        Assert.Contains("/text", problem, StringComparison.Ordinal);
        Assert.DoesNotContain("xyzzy", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Everybody_is_asked_in_the_same_order_and_only_some_questions_twice()
    {
        var book = new AnswerBook();
        var questions = Questions(200);
        var anna = new ReviewSession(questions, book, "mood", "anna", overlap: 0.2, TimeProvider.System);
        var order = AnswerAll(anna, "bad");
        var ben = new ReviewSession(questions.Reverse(), book, "mood", "ben", overlap: 0.2, TimeProvider.System);

        var twice = AnswerAll(ben, "good");

        Assert.Equal(200, order.Count);
        Assert.NotEqual(questions.Select(q => q.Id), order);
        Assert.InRange(twice.Count, 20, 60);
        Assert.Equal(order.Where(twice.Contains), twice);
        Assert.Equal(200, anna.Done);
    }

    [Fact]
    public void An_answer_is_taken_back_and_its_question_comes_again()
    {
        var book = new AnswerBook();
        var session = new ReviewSession(Questions(2), book, "mood", "anna", overlap: 0, TimeProvider.System);
        var first = session.Next!;
        session.Answer(first, ["bad"]);

        var withdrawn = session.Undo()!;

        Assert.True(withdrawn.Withdrawn);
        Assert.Equal(first.Id, session.Next!.Id);
        Assert.Empty(book.All);
        Assert.Null(session.Undo());
    }

    [Fact]
    public void Of_several_people_most_decide_and_a_tie_is_left_out()
    {
        var book = new AnswerBook();
        foreach (var (question, by, label) in new[] { ("q0", "a", "bad"), ("q0", "b", "bad"), ("q0", "c", "good"), ("q1", "a", "bad"), ("q1", "b", "good"), ("gone", "a", "bad") })
            book.Add(new(question, "mood", [label], by, DateTimeOffset.UnixEpoch));
        book.Add(new("q2", "mood", null, "a", DateTimeOffset.UnixEpoch));

        var reviewed = ReviewedTexts.Of(Questions(4), book, "mood");

        Assert.Equal([("text 0", "bad")], reviewed.Texts.Select(t => (t.Text, t.Labels.Single())));
        Assert.Equal((1, 1, 1), (reviewed.Disputed, reviewed.Untold, reviewed.Missing));
    }

    [Fact]
    public void A_later_answer_of_the_same_person_takes_the_place_of_the_earlier()
    {
        var book = new AnswerBook();
        book.Add(new("q0", "mood", ["bad"], "a", DateTimeOffset.UnixEpoch));
        book.Add(new("q0", "mood", ["good"], "a", DateTimeOffset.UnixEpoch));

        Assert.Equal(["good"], Assert.Single(book.Verdicts("mood")).Labels!);
    }

    [Fact]
    public void An_answer_survives_being_written_and_read()
    {
        var answer = new ReviewAnswer("in/0/7", "mood", ["bad"], "ann\u00e4", new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero))
        {
            Given = ["good"], Model = new("m", "2"), Probability = 0.0123456789, EventTime = DateTimeOffset.UnixEpoch,
        };

        var read = ReviewAnswer.Parse(Encoding.UTF8.GetBytes(answer.ToJson()));

        Assert.Equal(answer.ToJson(), read.ToJson());
        Assert.Equal(answer.Probability, read.Probability);
        Assert.False(read.ModelIsRight);
    }

    [Theory]
    [InlineData("[]", "no JSON object")]
    [InlineData("{\"schema\":\"review-answer.v2\"}", "schema")]
    [InlineData("{\"schema\":\"review-answer.v1\",\"question\":\"q\",\"task\":\"t\",\"by\":\"a\",\"at\":\"2026-01-01T00:00:00Z\"}", "labels")]
    [InlineData("{\"schema\":\"review-answer.v1\",\"question\":\"q\",\"task\":\"t\",\"labels\":[],\"by\":\"a\",\"at\":\"yesterday\"}", "at: expected a time")]
    public void What_is_no_answer_says_which_member_is_wrong(string json, string says) =>
        Assert.Contains(says, Assert.Throws<FormatException>(() => ReviewAnswer.Parse(Encoding.UTF8.GetBytes(json))).Message, StringComparison.Ordinal);

    private static List<string> AnswerAll(ReviewSession session, string label)
    {
        var order = new List<string>();
        while (session.Next is { } next)
        {
            order.Add(next.Id);
            session.Answer(next, [label]);
        }

        return order;
    }

    private static ReviewQuestion[] Questions(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new ReviewQuestion($"q{i}", $"text {i}", new Dictionary<string, IReadOnlyList<string>>()))];

    private static ReviewQuestion? Read(string payload, params (string Key, string Value)[] headers) =>
        new QuestionReader(new()).Read(Record(payload, headers), out _);

    private static SourceRecord Record(string payload, params (string Key, string Value)[] headers) => new(
        new("review", 0, 3, 0, 3), null, Encoding.UTF8.GetBytes(payload), [.. headers.Select(h => new EventHeader(h.Key, Encoding.UTF8.GetBytes(h.Value)))], 1_700_000_000_000, 0);
}
