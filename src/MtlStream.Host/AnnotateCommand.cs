using System.CommandLine;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Host.Lines;
using MtlStream.Host.Pictures;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream annotate</c>: the pipeline of the worker over the lines of a file.</summary>
internal static class AnnotateCommand
{
    /// <param name="File">Path, or <c>-</c> for standard input.</param>
    /// <param name="Out">Path; null or <c>-</c> for standard output.</param>
    /// <param name="Rejects">Path; null for standard error.</param>
    /// <param name="Pretty">A picture of each text in place of JSON.</param>
    /// <param name="Html">Path of a page in place of JSON, <c>-</c> for standard output; null for none.</param>
    internal sealed record Request(
        string File, InputOptions Input, OutputOptions Output, ModelOptions Model, string? Out, string? Rejects, bool Pretty, string? Html);

    public static Command Build()
    {
        var file = CommonOptions.File();
        var format = CommonOptions.Format();
        var pointer = new Option<string>("--text-field") { Description = "JSON pointer to the text.", HelpName = "/pointer", DefaultValueFactory = _ => "/text" };
        var unescape = CommonOptions.Unescape();
        var output = new Option<string?>("--out") { Description = "File for the enriched lines; - or without it stdout.", HelpName = "FILE" };
        var rejects = new Option<string?>("--rejects") { Description = "File for rejected lines, as dead-letter.v1 JSON; without it stderr, and no warnings.", HelpName = "FILE" };
        var allScores = new Option<bool>("--all-scores") { Description = "Text-level tasks also carry every label's probability." };
        var pretty = new Option<bool>("--pretty") { Description = "Show each text with its labels in place, and bars, in place of JSON; in colour on a terminal." };
        var html = new Option<string?>("--html") { Description = "Write the texts with their labels as a page, in place of JSON; - for stdout.", HelpName = "OUT.html" };
        var (tasks, model, device) = (CommonOptions.Tasks(), CommonOptions.Model(), CommonOptions.Device());
        var command = new CliCommand(
            "annotate", "Enriches the lines of a file, without Kafka: one line in, one line out, in order. Exit code 3: some lines were rejected.",
            "mtlstream annotate comments.jsonl.gz --out enriched.jsonl --rejects rejected.jsonl",
            "mtlstream annotate - --format text --tasks sentiment,entities < lines.txt",
            "echo 'What a game, what a team!' | mtlstream annotate - --format text --pretty",
            "mtlstream annotate comments.jsonl --html comments.html")
        {
            file, format, pointer, unescape, output, pretty, html, rejects, tasks, allScores, model, device,
        };
        command.SetAction((parsed, stopping) => RunAsync(
            new(
                parsed.GetRequiredValue(file),
                new()
                {
                    Format = CommonOptions.ToInputFormat(parsed.GetRequiredValue(format)),
                    TextPointer = parsed.GetRequiredValue(pointer),
                    Unescape = CommonOptions.ToEscapes(parsed.GetRequiredValue(unescape)),
                    MaxPayloadBytes = LineReader.MaxLineBytes,
                },
                new() { AllScores = parsed.GetValue(allScores) },
                new() { Path = parsed.GetRequiredValue(model), Device = parsed.GetRequiredValue(device), Tasks = parsed.GetRequiredValue(tasks) },
                parsed.GetValue(output),
                parsed.GetValue(rejects),
                parsed.GetValue(pretty),
                parsed.GetValue(html)),
            stopping));
        return command;
    }

    internal static async Task<int> RunAsync(Request request, CancellationToken stopping)
    {
        if (request.Input.Validate(new(request.Input)).FirstOrDefault() is { } wrong) throw new UsageException($"--text-field: {wrong.ErrorMessage}");
        if (request.Pretty && request.Html is not null) throw new UsageException("found --pretty and --html, expected one of the two.");
        if (request.Out is not null && request.Html is not null) throw new UsageException("found --out and --html, expected one of the two: --html names the file itself.");
        if (request.Rejects == "-") throw new UsageException("--rejects is -, expected the name of a file; without the option rejected lines go to standard error.");
        // Rejected lines on stderr are JSON for programs to read: warnings would be in the way.
        using var tool = new ToolServices(request.Rejects is null ? LogLevel.Error : LogLevel.Warning);
        await using var input = CommonOptions.OpenInput(request.File);
        using var loaded = tool.Models.Load(request.Model, new TokenizationOptions());
        var read = CommonOptions.HandleOf(input, 0);
        var target = request.Html ?? request.Out;
        await using var results = target is null or "-" ? CommonOptions.OpenOutput(1) : CommonOptions.CreateOutput(target, read);
        var written = CommonOptions.HandleOf(results, 1);
        await using var rejects = request.Rejects is null ? CommonOptions.OpenOutput(2) : CommonOptions.CreateOutput(request.Rejects, read, written);

        var name = request.File == "-" ? "stdin" : request.File;
        await using var lines = new LineTransport(new(input), name, results, rejects, tool.Time, FormatOf(request, name, loaded.Model.Identity));
        var (source, sink) = (lines.Source, lines.Sink);
        var progress = new LineProgress(
            tool.Time, () => (sink.Enriched + sink.Rejected, sink.Rejected, input.CanSeek ? (double)input.Position / input.Length : null));
        var settings = new PipelineSettings(new(), new BatchingOptions(), new DeliveryOptions { DrainTimeout = TimeSpan.FromMinutes(10) });
        try
        {
            await progress.RunAsync(() => tool.Pipelines.Pipeline(loaded, lines, request.Input, request.Output, settings).RunAsync(stopping));
            sink.Complete();
        }
        catch (Exception exception) when (sink.ReaderGone && exception is PipelineException or IOException)
        {
            throw new IOException($"the reader of the output went away after {sink.Enriched} lines.");
        }

        if (!source.ReachedEnd) throw new IOException($"stopped after line {source.Lines}, before the end of the input.");
        return sink.Rejected > 0 ? ExitCodes.SomeRejected : ExitCodes.Done;
    }

    private static ResultFormat FormatOf(Request request, string name, ModelIdentity model)
    {
        var records = new AnnotatedRecords(request.Input);
        if (request.Html is not null) return new HtmlPage(records, Path.GetFileName(name), model);
        if (!request.Pretty) return new JsonLines();
        var toTerminal = request.Out is null or "-";
        return new TerminalPicture(records, toTerminal && Terminal.ShowsColors, Terminal.Width);
    }
}
