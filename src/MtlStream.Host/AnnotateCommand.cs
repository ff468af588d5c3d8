using System.CommandLine;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Host.Lines;
using MtlStream.Host.Pictures;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream annotate</c>: the pipeline of the worker over the lines of a file.</summary>
internal static class AnnotateCommand
{
    /// <param name="File">Path, or <c>-</c> for standard input.</param>
    /// <param name="Question">What the file is, and where its texts are.</param>
    /// <param name="Input">The rest of how events are read.</param>
    /// <param name="Out">Path; null or <c>-</c> for standard output.</param>
    /// <param name="Rejects">Path; null for standard error.</param>
    /// <param name="Pretty">A picture of each text in place of JSON.</param>
    /// <param name="Html">Path of a page in place of JSON, <c>-</c> for standard output; null for none.</param>
    internal sealed record Request(
        string File, RecordQuestion Question, InputOptions Input, OutputOptions Output, ModelOptions Model, string? Out, string? Rejects,
        bool Pretty, string? Html)
    {
        /// <summary>Folders of packages that write a text about each line, by the name that results give to it.</summary>
        public IReadOnlyDictionary<string, string> Generate { get; init; } = new Dictionary<string, string>();
    }

    public static Command Build()
    {
        var file = CommonOptions.File();
        var format = new Option<FileFormat>("--format")
        {
            Description = "What the file is; auto tells by content: a table, a JSON array, else a JSON object on each line. text: each line is the text itself.",
            DefaultValueFactory = _ => FileFormat.Auto,
            CustomParser = given => Enum.Parse<FileFormat>(given.Tokens[0].Value, ignoreCase: true),
        };
        format.AcceptOnlyFromAmong([.. Enum.GetNames<FileFormat>().Select(n => n.ToLowerInvariant())]);
        var pointer = new Option<string?>("--text-field") { Description = "JSON pointer to the text, or the column of a table by name or number; without it /text, or text.", HelpName = "/pointer" };
        var pointers = CommonOptions.List("--text-pointers", "Several of them, separated by commas: the first text that is there is taken.", "/a,/b");
        var join = new Option<bool>("--join-texts") { Description = "With --text-pointers: all texts that are there are joined to one." };
        var withoutText = new Option<TextlessEvents>("--without-text") { Description = "What becomes of events without a text.", DefaultValueFactory = _ => TextlessEvents.Reject };
        var noHeader = new Option<bool>("--no-header") { Description = "The first row of a table is data; columns have numbers from 1." };
        var unescape = CommonOptions.Unescape();
        var output = new Option<string?>("--out") { Description = "File for the results: a table where it ends in .csv or .tsv, else JSON lines; - or without it stdout.", HelpName = "FILE" };
        var rejects = new Option<string?>("--rejects") { Description = "File for rejected lines, as dead-letter.v1 JSON; without it stderr, and no warnings.", HelpName = "FILE" };
        var allScores = new Option<bool>("--all-scores") { Description = "Text-level tasks also carry every label's probability." };
        var pretty = new Option<bool>("--pretty") { Description = "Show each text with its labels in place, and bars, in place of JSON; in colour on a terminal." };
        var html = new Option<string?>("--html") { Description = "Write the texts with their labels as a page, in place of JSON; - for stdout.", HelpName = "OUT.html" };
        var questions = new Option<string[]>("--question")
        {
            Description = "A question that every text is asked; may be given several times.",
            HelpName = "NAME=TEXT",
        };
        var questionPointer = new Option<string>("--question-pointer") { Description = "JSON pointer to a question that each line asks about its text.", HelpName = "/pointer", DefaultValueFactory = _ => "" };
        var replies = new Option<string>("--replies") { Description = "JSON lines of replies, name and text, of which each text gets the best one, or none.", HelpName = "FILE", DefaultValueFactory = _ => "" };
        var generate = GenerateOption.Build();
        var (tasks, model, device) = (CommonOptions.Tasks(), CommonOptions.Model(), CommonOptions.Device());
        var command = new CliCommand(
            "annotate", "Enriches the texts of a file, without Kafka: one line in, one line out, in order. Exit code 3: some were rejected.",
            "mtlstream annotate comments.jsonl.gz --out enriched.jsonl --rejects rejected.jsonl",
            "mtlstream annotate - --format text --tasks sentiment,entities < lines.txt",
            "mtlstream annotate reviews.csv --text-field review --tasks sentiment --out labelled.csv",
            "echo 'What a game, what a team!' | mtlstream annotate - --format text --pretty",
            "mtlstream annotate comments.jsonl --html comments.html",
            "mtlstream annotate reviews.jsonl --question product=Which?",
            "mtlstream annotate comments.jsonl --generate german=models/en-de")
        {
            file, format, pointer, pointers, join, withoutText, noHeader, unescape, output, pretty, html, rejects, tasks, allScores, questions, questionPointer, replies, generate, model, device,
        };
        command.SetAction((parsed, stopping) => RunAsync(
            new(
                parsed.GetRequiredValue(file),
                new(parsed.GetRequiredValue(format), FieldsOf(parsed.GetValue(pointer), parsed.GetValue(pointers) ?? []), !parsed.GetValue(noHeader)),
                new()
                {
                    JoinTexts = parsed.GetValue(join),
                    WithoutText = parsed.GetValue(withoutText),
                    Unescape = CommonOptions.ToEscapes(parsed.GetRequiredValue(unescape)),
                    QuestionPointer = parsed.GetRequiredValue(questionPointer),
                    MaxPayloadBytes = LineReader.MaxLineBytes,
                },
                new() { AllScores = parsed.GetValue(allScores) },
                new ModelOptions
                {
                    Path = parsed.GetRequiredValue(model),
                    Device = parsed.GetRequiredValue(device),
                    Tasks = parsed.GetRequiredValue(tasks),
                    Replies = parsed.GetRequiredValue(replies),
                }.Asking(CommonOptions.Named("--question", "NAME=TEXT", parsed.GetValue(questions) ?? []), parsed.GetRequiredValue(questionPointer)),
                parsed.GetValue(output),
                parsed.GetValue(rejects),
                parsed.GetValue(pretty),
                parsed.GetValue(html)) { Generate = GenerateOption.FoldersOf(parsed.GetValue(generate)) },
            stopping));
        return command;
    }

    internal static async Task<int> RunAsync(Request request, CancellationToken stopping)
    {
        if (request.Pretty && request.Html is not null) throw new UsageException("found --pretty and --html, expected one of the two.");
        if (request.Out is not null && request.Html is not null) throw new UsageException("found --out and --html, expected one of the two: --html names the file itself.");
        if (request.Rejects == "-") throw new UsageException("--rejects is -, expected the name of a file; without the option rejected lines go to standard error.");
        // Rejected lines on stderr are JSON for programs to read: warnings would be in the way.
        using var tool = new ToolServices(request.Rejects is null ? LogLevel.Error : LogLevel.Warning);
        await using var input = CommonOptions.OpenInput(request.File);
        using var loaded = tool.Models.Load(request.Model, new TokenizationOptions()).Beside(request.Generate, tool);
        var read = CommonOptions.HandleOf(input, 0);
        var name = request.File == "-" ? "stdin" : request.File;
        var file = await RecordFile.OpenAsync(input, name, request.Question, stopping);
        var options = OptionsOf(request, file);
        var resultFormat = FormatOf(request, options, file, name, loaded.Model);

        var target = request.Html ?? request.Out;
        await using var results = target is null or "-" ? CommonOptions.OpenOutput(1) : CommonOptions.CreateOutput(target, read);
        var written = CommonOptions.HandleOf(results, 1);
        await using var rejects = request.Rejects is null ? CommonOptions.OpenOutput(2) : CommonOptions.CreateOutput(request.Rejects, read, written);

        await using var lines = new LineTransport(file.Reader, name, results, rejects, tool.Time, resultFormat);
        var (source, sink) = (lines.Source, lines.Sink);
        var progress = new LineProgress(tool.Time, () => Counts(sink, input));
        var settings = new PipelineSettings(new(), new BatchingOptions(), new DeliveryOptions { DrainTimeout = TimeSpan.FromMinutes(10) });
        try
        {
            var pipeline = tool.Pipelines.Pipeline(loaded, lines, options, request.Output, settings, codecs: [new CsvCodec()]);
            await progress.RunAsync(() => pipeline.RunAsync(stopping), summarize: FileIdentity.Of(written) is not null);
            sink.Complete();
        }
        catch (Exception exception) when (sink.ReaderGone && exception is PipelineException or IOException)
        {
            throw new IOException($"the reader of the output went away after {sink.Enriched} lines.");
        }

        if (!source.ReachedEnd) throw new IOException($"stopped after line {source.Lines}, before the end of the input.");
        return sink.Rejected > 0 ? ExitCodes.SomeRejected : ExitCodes.Done;
    }

    private static string[] FieldsOf(string? one, string[] several)
    {
        if (one is not null && several.Length > 0) throw new UsageException("found --text-field and --text-pointers, expected one of the two.");
        return one is null ? several : [one];
    }

    private static InputOptions OptionsOf(Request request, RecordFile file)
    {
        if (file.Columns is not null && request.Input.QuestionPointer.Length > 0)
            throw new UsageException("--question-pointer: found a table, whose rows have no members; expected --question, or JSON lines.");
        var several = file.Pointers.Count > 1;
        var options = several ? request.Input with { TextPointers = file.Pointers } : request.Input with { TextPointer = file.Pointers[0] };
        options = options with { Format = file.Format };
        if (options.Validate(new(options)).FirstOrDefault() is not { } wrong) return options;
        var option = several ? "--text-pointers" : "--text-field";
        if (wrong.MemberNames.Contains(nameof(InputOptions.JoinTexts))) throw new UsageException("--join-texts: expected --text-pointers with two pointers at least.");
        throw new UsageException($"{option}: {wrong.ErrorMessage}");
    }

    private static ResultFormat FormatOf(Request request, InputOptions input, RecordFile file, string name, IMultitaskModel model)
    {
        var records = new AnnotatedRecords(input);
        if (request.Html is not null) return new HtmlPage(records, Path.GetFileName(name), model.Identity);
        if (request.Pretty) return new TerminalPicture(records, request.Out is null or "-" && Terminal.ShowsColors, Terminal.Width);
        var ending = Path.GetExtension(request.Out)?.ToLowerInvariant();
        if (ending is not (".csv" or ".tsv")) return new JsonLines();
        if (model.Tasks.FirstOrDefault(t => t is KeptLabelTask or not (TokenLabelTask or TextLabelTask)) is { } other)
            throw new UsageException($"--out {request.Out}: the task {other.Name} has no labels for a table; leave it out of --tasks, or name a file for JSON lines.");
        if (request.Generate.Count > 0) throw new UsageException($"--out {request.Out}: a table has no place for a text that --generate asks for; name a file for JSON lines.");
        return new CsvColumns(records, file.Columns, model.Tasks, ending == ".tsv" ? '\t' : ',');
    }

    private static LineCounts Counts(LineSink sink, Stream input) =>
        new(sink.Enriched + sink.Rejected + sink.WithoutText, sink.Rejected, input.CanSeek ? (double)input.Position / input.Length : null)
        {
            WithoutText = sink.WithoutText,
            Reasons = sink.Reasons,
        };
}
