using System.Text.Json;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Onnx.Generation;
using MtlStream.Tests.Generation;

namespace MtlStream.Tests.Models;

/// <summary>Texts that a program annotates itself.</summary>
public sealed class TextAnnotatorTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public async Task Each_text_gets_its_answer_in_order_and_one_that_cannot_be_read_says_why()
    {
        using var annotator = Load();
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => i == 100 ? " " : $"text number {i}")];

        var found = await annotator.AnnotateAsync(texts);

        Assert.Equal(texts, found.Select(f => f.Text));
        Assert.Equal([100], Enumerable.Range(0, 200).Where(i => found[i].Rejected is not null));
        Assert.StartsWith("empty_text: ", found[100].Rejected, StringComparison.Ordinal);
        var error = Assert.Throws<InvalidOperationException>(() => found[100].Label("mood"));
        Assert.Contains("empty_text", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answers_of_each_kind_are_those_of_the_JSON()
    {
        using var annotator = Load();

        var found = await annotator.AnnotateAsync("so happy today");

        Assert.Equal(found["mood"].GetProperty("label").GetString(), found.Label("mood"));
        Assert.Equal(found["traits"].GetProperty("labels").GetArrayLength(), found.Labels("traits").Count);
        Assert.Equal(found["names"].GetProperty("spans").GetArrayLength(), found.Spans("names").Count);
        Assert.Equal(["so", "happy", "today"], found.Tags("tags").Select(t => t.Text));
        Assert.All(found.Tags("tags"), t => Assert.InRange(t.Score, 0, 1));
    }

    [Fact]
    public async Task A_task_that_there_is_not_and_an_answer_that_a_task_does_not_give_are_named()
    {
        using var annotator = Load();

        var found = await annotator.AnnotateAsync("so happy today");

        Assert.Contains("mood", Assert.Throws<KeyNotFoundException>(() => found.Label("moods")).Message, StringComparison.Ordinal);
        Assert.Equal("Task 'mood' has no spans; it gives label, score.", Assert.Throws<InvalidOperationException>(() => found.Spans("mood")).Message);
    }

    [Fact]
    public async Task Models_beside_it_write_a_text_about_each()
    {
        var written = Path.Combine(_package.Folder, "written");
        GeneratorImport.Run(GeneratorImportTests.ExportOf("t5"), written, "t5");
        using var annotator = TextAnnotator.Load(
            new ModelOptions { Path = _package.Folder, Device = "cpu" }, new GenerationOptions { Models = new Dictionary<string, string> { ["title"] = written } });

        var found = await annotator.AnnotateAsync(["so happy", "today"]);

        Assert.All(found, f => Assert.Equal(JsonValueKind.String, f["title"].GetProperty("text").ValueKind));
        Assert.All(found, f => Assert.Equal(JsonValueKind.Object, f["mood"].ValueKind));
    }

    [Fact]
    public async Task Callers_take_turns()
    {
        using var annotator = Load();

        var found = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => annotator.AnnotateAsync($"caller {i}"))));

        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"caller {i}"), found.Select(f => f.Text));
    }

    [Fact]
    public async Task A_call_that_is_cancelled_leaves_the_next_one_its_turn()
    {
        using var annotator = Load();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => annotator.AnnotateAsync("x", new CancellationToken(canceled: true)));

        Assert.Null((await annotator.AnnotateAsync("x")).Rejected);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named() =>
        Assert.Contains("/nowhere", Assert.Throws<UsageException>(() => TextAnnotator.Load("/nowhere")).Message, StringComparison.Ordinal);

    private TextAnnotator Load() => TextAnnotator.Load(new ModelOptions { Path = _package.Folder, Device = "cpu" });
}
