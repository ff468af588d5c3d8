using System.Diagnostics;
using System.Globalization;
using MtlStream.Learning.Data;
using MtlStream.Learning.Review;
using MtlStream.Learning.Teaching;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary>Where a task's texts are.</summary>
/// <param name="Data">Files with labels, each with its columns.</param>
/// <param name="Reviewed">Texts that reviewers labelled.</param>
internal sealed record TeachSource(
    string Task, string Kind, IReadOnlyList<(string Path, LabelledColumns Columns)> Data, IReadOnlyList<LabelledExample> Reviewed, string? Test, string? Unlabelled, LabelledColumns Columns)
{
    /// <summary>Whether the labels are about words.</summary>
    public bool OfWords => OfTags || Kind == TokenSpansTask.Definition.Name;

    public bool OfTags => Kind == TokenTagsTask.Definition.Name;

    public TeachRequest Texts() => new(
        Task, [.. Data.SelectMany(d => new LabelledFile(d.Path, d.Columns).Read()), .. Reviewed], Kind == MultiLabelTask.Definition.Name,
        Test is null ? [] : new LabelledFile(Test, Columns).Read(),
        Unlabelled is null ? [] : [.. new LabelledFile(Unlabelled, Columns, unlabelled: true).Read().Select(t => t.Text)]);

    public TeachWordsRequest Words(TextTokenizer tokenizer)
    {
        if (Unlabelled is not null) throw new UsageException($"--unlabelled {Unlabelled}: tasks about words learn from labelled sentences only; leave it out.");
        var spans = Kind == TokenSpansTask.Definition.Name;
        var files = Data.SelectMany(d => new SentenceFile(d.Path, d.Columns, tokenizer, spans).Read());
        var reviewed = Reviewed.Select(r => LabelledSentence.Of(r.Text, [.. r.Labels.Select(SpanLabel.Parse).OfType<LabelledRange>()], tokenizer, spans, r.Line));
        return new(
            Task, [.. files, .. reviewed], spans,
            Test is null ? [] : new SentenceFile(Test, Columns, tokenizer, spans).Read());
    }
}

/// <summary>Teaches tasks, writes packages, and compares what the old tasks say.</summary>
/// <param name="keepExamples">Whether packages keep the examples.</param>
internal sealed class TeachRun(IProgress<TeachProgress> steps, bool keepExamples, CancellationToken stopping)
{
    private const int TextsCompared = 1000;

    /// <summary>Teaches a package one task more.</summary>
    public TeachReport Teach(TeachSource source, ModelManifest manifest, string folder)
    {
        var started = Stopwatch.GetTimestamp();
        PackageWriter.Check(manifest, source.Task, folder);
        var tokenizer = TextTokenizer.Load(manifest.Tokenizer, new());
        var taught = source.OfWords
            ? new WordTeacher(manifest, tokenizer, steps).Teach(source.Words(tokenizer), stopping)
            : new Teacher(manifest, tokenizer, steps).Teach(source.Texts(), stopping);
        PackageWriter.Write(manifest, taught, keepExamples, folder);
        var written = ModelManifest.Load(folder);
        var compared = taught.Texts.Take(TextsCompared).ToList();
        if (IdentityCheck.FirstDifference(manifest, written, tokenizer, compared) is { } difference)
        {
            throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"{folder}: the output {difference.Output} differs from the old package's on text {difference.Text + 1} of {compared.Count}; do not serve it."));
        }

        return taught.Report with
        {
            Elapsed = Stopwatch.GetElapsedTime(started), OldOutputsIdentical = true, TextsCompared = compared.Count, Package = written.Folder,
        };
    }

    /// <summary>Teaches a task anew from the examples that the package keeps of it, and from more.</summary>
    /// <exception cref="UsageException">The package keeps none.</exception>
    public TeachReport TeachMore(TeachSource source, ModelManifest manifest, string folder)
    {
        var before = TaughtTask.In(manifest).FirstOrDefault(t => t.Task == source.Task)
            ?? throw new UsageException($"--more: {manifest.Folder} was not taught a task {source.Task}; leave --more out to teach it a new one.");
        var kept = Kept(before, manifest);
        var without = folder.TrimEnd(Path.DirectorySeparatorChar) + ".without";
        try
        {
            var bare = TaskRemoval.Write(manifest, source.Task, without);
            return Teach(source with { Kind = before.Kind, Data = [.. kept.Data, .. source.Data] }, bare, folder);
        }
        finally
        {
            if (Directory.Exists(without)) Directory.Delete(without, recursive: true);
        }
    }

    /// <summary>Teaches another package all tasks that one was taught, from the examples that it keeps.</summary>
    /// <returns>What each task was before, and is now.</returns>
    /// <exception cref="UsageException">The package was taught nothing, or keeps no examples of a task.</exception>
    public IReadOnlyList<(TaughtTask Before, TeachReport After)> TeachAgain(ModelManifest old, ModelManifest manifest, string folder)
    {
        var sources = TaughtTask.In(old).Select(task => (Task: task, Source: Kept(task, old))).ToList();
        if (sources.Count == 0) throw new UsageException($"--again {old.Folder}: the package was taught no task.");
        var done = new List<(TaughtTask, TeachReport)>();
        var steps = new List<string>();
        try
        {
            foreach (var (task, source) in sources)
            {
                var target = done.Count == sources.Count - 1 ? folder : $"{folder.TrimEnd(Path.DirectorySeparatorChar)}.{done.Count + 1}";
                if (target != folder) steps.Add(target);
                done.Add((task, Teach(source, manifest, target)));
                manifest = ModelManifest.Load(target);
            }
        }
        finally
        {
            foreach (var step in steps.Where(Directory.Exists)) Directory.Delete(step, recursive: true);
        }

        return done;
    }

    private static TeachSource Kept(TaughtTask task, ModelManifest manifest)
    {
        if (!task.ExamplesKept)
            throw new UsageException($"{manifest.Folder} keeps no examples of {task.Task}: it was taught with --no-examples; teach it anew from its file.");
        return new(task.Task, task.Kind, [(task.ExamplesIn(manifest), new())], Reviewed: [], Test: null, Unlabelled: null, new());
    }
}
