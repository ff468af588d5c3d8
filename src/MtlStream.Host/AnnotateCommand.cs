using System.CommandLine;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Host.Lines;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream annotate</c>: the pipeline of the worker over the lines of a file.</summary>
internal static class AnnotateCommand
{
    /// <param name="File">Path, or <c>-</c> for standard input.</param>
    /// <param name="Out">Path; null or <c>-</c> for standard output.</param>
    /// <param name="Rejects">Path; null for standard error.</param>
    internal sealed record Request(
        string File, InputOptions Input, OutputOptions Output, ModelOptions Model, string? Out, string? Rejects);

    public static Command Build()
    {
        var file = CommonOptions.File();
        var format = CommonOptions.Format();
        var pointer = new Option<string>("--text-field") { Description = "JSON pointer to the text.", HelpName = "/pointer", DefaultValueFactory = _ => "/text" };
        var output = new Option<string?>("--out") { Description = "File for the enriched lines; - or without it stdout.", HelpName = "FILE" };
        var rejects = new Option<string?>("--rejects") { Description = "File for rejected lines, as dead-letter.v1 JSON; without it stderr, and no warnings.", HelpName = "FILE" };
        var allScores = new Option<bool>("--all-scores") { Description = "Text-level tasks also carry every label's probability." };
        var (tasks, model, device) = (CommonOptions.Tasks(), CommonOptions.Model(), CommonOptions.Device());
        var command = new CliCommand(
            "annotate", "Enriches the lines of a file, without Kafka: one line in, one line out, in order. Exit code 3: some lines were rejected.",
            "mtlstream annotate comments.jsonl.gz --out enriched.jsonl --rejects rejected.jsonl",
            "mtlstream annotate - --format text --tasks sentiment,entities < lines.txt")
        {
            file, format, pointer, output, rejects, tasks, allScores, model, device,
        };
        command.SetAction((parsed, stopping) => RunAsync(
            new(
                parsed.GetRequiredValue(file),
                new()
                {
                    Format = CommonOptions.ToInputFormat(parsed.GetRequiredValue(format)),
                    TextPointer = parsed.GetRequiredValue(pointer),
                    MaxPayloadBytes = LineReader.MaxLineBytes,
                },
                new() { AllScores = parsed.GetValue(allScores) },
                new() { Path = parsed.GetRequiredValue(model), Device = parsed.GetRequiredValue(device), Tasks = parsed.GetRequiredValue(tasks) },
                parsed.GetValue(output),
                parsed.GetValue(rejects)),
            stopping));
        return command;
    }

    internal static async Task<int> RunAsync(Request request, CancellationToken stopping)
    {
        if (request.Input.Validate(new(request.Input)).FirstOrDefault() is { } wrong) throw new UsageException($"--text-field: {wrong.ErrorMessage}");
        if (request.Rejects == "-") throw new UsageException("--rejects is -, expected the name of a file; without the option rejected lines go to standard error.");
        // Rejected lines on stderr are JSON for programs to read: warnings would be in the way.
        using var tool = new ToolServices(request.Rejects is null ? LogLevel.Error : LogLevel.Warning);
        await using var input = CommonOptions.OpenInput(request.File);
        using var loaded = tool.Models.Load(request.Model, new TokenizationOptions());
        var read = CommonOptions.HandleOf(input, 0);
        await using var results = request.Out is null or "-" ? CommonOptions.OpenOutput(1) : CommonOptions.CreateOutput(request.Out, read);
        var written = CommonOptions.HandleOf(results, 1);
        await using var rejects = request.Rejects is null ? CommonOptions.OpenOutput(2) : CommonOptions.CreateOutput(request.Rejects, read, written);

        var name = request.File == "-" ? "stdin" : request.File;
        await using var lines = new LineTransport(new(input), name, results, rejects, tool.Time);
        var (source, sink) = (lines.Source, lines.Sink);
        var progress = new LineProgress(
            tool.Time, () => (sink.Enriched + sink.Rejected, sink.Rejected, input.CanSeek ? (double)input.Position / input.Length : null));
        var settings = new PipelineSettings(new(), new BatchingOptions(), new DeliveryOptions { DrainTimeout = TimeSpan.FromMinutes(10) });
        try
        {
            await progress.RunAsync(() => tool.Pipelines.Pipeline(loaded, lines, request.Input, request.Output, settings).RunAsync(stopping));
        }
        catch (PipelineException) when (sink.ReaderGone)
        {
            throw new IOException($"the reader of the output went away after {sink.Enriched} lines.");
        }

        if (!source.ReachedEnd) throw new IOException($"stopped after line {source.Lines}, before the end of the input.");
        return sink.Rejected > 0 ? ExitCodes.SomeRejected : ExitCodes.Done;
    }
}
