using System.CommandLine;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Host.Lines;
using MtlStream.Host.Review;
using MtlStream.Host.Studio;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Host;

/// <summary><c>mtlstream studio</c>: the page, without Kafka.</summary>
internal static class StudioCommand
{
    private const int DefaultPort = 8088;

    /// <param name="File">Path of a file of events; null for typed texts alone.</param>
    /// <param name="TextField">Pointer to its texts, or their column; null for the usual.</param>
    /// <param name="Against">Folder of another package; null for none.</param>
    internal sealed record Request(string? File, string? TextField, ModelOptions Model, string? Against, string? Answers, int Port, bool Browser)
    {
        /// <summary>Folders of packages that write a text about each, by the name that results give to it.</summary>
        public IReadOnlyDictionary<string, string> Generate { get; init; } = new Dictionary<string, string>();
    }

    public static Command Build()
    {
        var file = new Argument<string?>("FILE") { Description = "Events to show as a stream: what annotate reads. Without it texts are typed.", Arity = ArgumentArity.ZeroOrOne };
        var field = new Option<string?>("--text-field") { Description = "JSON pointer to the text, or the column of a table; without it /text, or text.", HelpName = "/pointer" };
        var against = new Option<string?>("--against") { Description = "Folder of another package, to try texts with both.", HelpName = "DIR" };
        var answers = new Option<string?>("--answers") { Description = "File that answers of the part Review are added to; beside FILE unless named.", HelpName = "FILE" };
        var port = new Option<int>("--port") { Description = "Port on this machine; 0 takes a free one.", HelpName = "N", DefaultValueFactory = _ => DefaultPort };
        port.Validators.Add(given =>
        {
            if (given.Tokens is [var token] && (!int.TryParse(token.Value, out var number) || number is < 0 or > 65535)) given.AddError($"--port is {token.Value}, expected a number from 0 to 65535.");
        });
        var quiet = new Option<bool>("--no-browser") { Description = "Only print the address." };
        var (model, device, generate) = (CommonOptions.Model(), CommonOptions.Device(), GenerateOption.Build());
        var command = new CliCommand(
            "studio", "Opens a page on this machine to try texts and look at the model, without Kafka. Ends on Ctrl+C.",
            "mtlstream studio", "mtlstream studio comments.jsonl", "mtlstream studio --model new-package --against models/mtlstream-en")
        {
            file, field, model, against, generate, answers, device, port, quiet,
        };
        command.SetAction((parsed, stopping) => RunAsync(
            new(
                parsed.GetValue(file), parsed.GetValue(field), new() { Path = parsed.GetRequiredValue(model), Device = parsed.GetRequiredValue(device) },
                parsed.GetValue(against), parsed.GetValue(answers), parsed.GetValue(port), !parsed.GetValue(quiet)) { Generate = GenerateOption.FoldersOf(parsed.GetValue(generate)) },
            Console.Out, stopping));
        return command;
    }

    internal static async Task<int> RunAsync(Request request, TextWriter output, CancellationToken stopping)
    {
        using var tool = new ToolServices();
        await using var input = request.File is null ? null : CommonOptions.OpenInput(request.File);
        using var loaded = tool.Models.Load(request.Model, new TokenizationOptions()).Beside(request.Generate, tool, offered: true);
        using var against = request.Against is null ? null : tool.Models.Load(request.Model with { Path = request.Against }, new TokenizationOptions());
        var question = new RecordQuestion(FileFormat.Auto, request.TextField is null ? [] : [request.TextField], HasHeader: true);
        var file = input is null ? null : await RecordFile.OpenAsync(input, request.File!, question, stopping);
        var options = file is null ? new InputOptions() : new InputOptions { TextPointer = file.Pointers[0], Format = file.Format };
        using var reviewer = ReviewerOf(request, file, options, loaded, tool.Time);
        await using var page = await LocalPage.StartAsync(tool, loaded, request.Port, options, against, reviewer);
        await output.WriteLineAsync($"{page.Address} (Ctrl+C ends)");
        if (request.Browser) page.OpenInBrowser();
        if (file is not null) await ShowAsync(file, request.File!, page, tool, options, stopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return ExitCodes.Done;
    }

    /// <summary>Asks about the texts of a file of JSON lines; of others it does not.</summary>
    private static PageReviewer? ReviewerOf(Request request, RecordFile? file, InputOptions options, LoadedModel loaded, TimeProvider time)
    {
        if (file is null || file.Columns is not null || request.File is "-" or null) return null;
        using var questions = ReviewStore.FromFile(request.File, options, request.Answers);
        return questions.Questions.Count == 0 ? null : new(() => ReviewStore.FromFile(request.File, options, request.Answers), () => loaded.Manifest, time);
    }

    /// <summary>Sends the file through the pipeline, for the page to show; its results go nowhere else.</summary>
    private static async Task ShowAsync(RecordFile file, string name, LocalPage page, ToolServices tool, InputOptions options, CancellationToken stopping)
    {
        await using var lines = page.Watched(new LineTransport(file.Reader, name, Stream.Null, Stream.Null, tool.Time));
        var settings = new PipelineSettings(new(), new BatchingOptions(), new DeliveryOptions());
        await tool.Pipelines.Pipeline(page.Stream, lines, options, new OutputOptions(), settings, page.Watch, codecs: [new CsvCodec()]).RunAsync(stopping);
    }
}
