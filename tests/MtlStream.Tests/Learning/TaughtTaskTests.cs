using MtlStream.Learning.Data;
using MtlStream.Learning.Teaching;
using MtlStream.Tests.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Learning;

/// <summary>What a package keeps of a task that it was taught.</summary>
public sealed class TaughtTaskTests : IDisposable
{
    private readonly ToyPackage _package = new();

    public void Dispose() => _package.Dispose();

    [Fact]
    public void Recipe_and_texts_are_read_as_they_were_written()
    {
        var task = new TaughtTask("mood", "single_label", "toy 1.0.0", ["linear"], Examples: 2, ExamplesKept: true, [new("a", 0.5)]);

        task.Write(_package.Folder, [new { text = "say \"ä\"", label = new[] { "a" } }, new { text = "b", label = new[] { "x", "y" } }]);

        var read = Assert.Single(TaughtTask.In(_package.Manifest()));
        Assert.Equal(("mood", "toy 1.0.0", true), (read.Task, read.Package, read.ExamplesKept));
        Assert.Equal([new LabelScore("a", 0.5)], read.Labels);
        var texts = new LabelledFile(read.ExamplesIn(_package.Manifest()), new()).Read();
        Assert.Equal(["say \"ä\"", "b"], texts.Select(t => t.Text));
        Assert.Equal(["x", "y"], texts[1].Labels);
    }

    [Fact]
    public void Spans_are_read_as_they_were_written()
    {
        var sentence = new LabelledSentence("the Cat sat", [new(0, 3, "O"), new(4, 7, "B-x"), new(8, 11, "I-x")], 1);
        var task = new TaughtTask("names", "token_spans", "toy 1.0.0", ["linear"], Examples: 1, ExamplesKept: true, []);

        task.Write(_package.Folder, [new { text = sentence.Text, label = sentence.Ranges(spans: true) }]);

        var tokenizer = TextTokenizer.Load(_package.Manifest().Tokenizer, new());
        var read = Assert.Single(new SentenceFile(task.ExamplesIn(_package.Manifest()), new(), tokenizer, spans: true).Read());
        Assert.Equal(sentence.Labels, read.Labels);
    }

    [Fact]
    public void Examples_that_are_not_to_be_kept_are_not_written()
    {
        var task = new TaughtTask("mood", "single_label", "toy 1.0.0", ["linear"], Examples: 1, ExamplesKept: false, []);

        var files = task.Write(_package.Folder, [new { text = "secret", label = new[] { "a" } }]);

        Assert.Equal(["taught/mood.json"], files);
        Assert.Equal(["mood.json"], Directory.GetFiles(Path.Combine(_package.Folder, "taught")).Select(Path.GetFileName));
    }
}
