using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MtlStream.Bench;
using MtlStream.Models;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench model</c>: the ceiling, pretokenized rows straight into the model, all its workers at once.</summary>
internal static class BenchModelCommand
{
    public static Command Build()
    {
        var (model, device, tasks, json) = (CommonOptions.Model(), CommonOptions.Device(), CommonOptions.Tasks(), CommonOptions.JsonReport());
        var lanes = new Option<int>("--lanes") { Description = "Calls side by side; 0 for what suits the device.", HelpName = "N" };
        var threads = new Option<int>("--threads-per-lane") { Description = "Threads of one call, on a CPU.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var rowsPerCall = new Option<int>("--rows-per-call") { Description = "Most texts in one call, on a CPU; 0 for what the package allows.", HelpName = "N" };
        var width = new Option<int>("--columns") { Description = "Only rows of so many tokens, in place of the whole grid.", HelpName = "N" };
        var seconds = new Option<double>("--seconds")
        {
            Description = "How long each cell of the grid is measured.",
            HelpName = "S",
            DefaultValueFactory = _ => 1,
        };
        var command = new CliCommand(
            "model", "Measures the model alone over a grid of rows x columns: what nothing around it can exceed.",
            "mtlstream bench model", "mtlstream bench model --device cuda --tasks pos --json") { model, device, tasks, lanes, threads, rowsPerCall, width, seconds, json };
        command.SetAction((parsed, stopping) =>
        {
            using var tool = new ToolServices();
            var options = new ModelOptions
            {
                Path = parsed.GetValue(model)!,
                Device = parsed.GetValue(device)!,
                Tasks = parsed.GetValue(tasks)!,
                Lanes = parsed.GetValue(lanes),
                ThreadsPerLane = parsed.GetValue(threads),
                RowsPerCall = parsed.GetValue(rowsPerCall),
            };
            using var loaded = tool.Models.Load(options, new());
            var (output, progress) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var grid = ModelGrid.Measure(loaded, parsed.GetValue(width), TimeSpan.FromSeconds(parsed.GetValue(seconds)), progress, stopping);
            Report(loaded.Model, grid, parsed.GetValue(json), output);
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static void Report(IMultitaskModel model, List<GridCell> grid, bool json, TextWriter output)
    {
        var (tokens, events) = (grid.MaxBy(c => c.TokensPerSecond)!, grid.MaxBy(c => c.EventsPerSecond)!);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{model.Identity.Name} {model.Identity.Version} on {model.Identity.Device}, {model.Workers} worker(s): best {tokens.TokensPerSecond:N0} tokens/s " +
            $"({tokens.Rows} x {tokens.Columns}), best {events.EventsPerSecond:N0} events/s ({events.Rows} x {events.Columns})."));
        if (!json) return;
        output.WriteLine(JsonSerializer.Serialize(
            new
            {
                Model = model.Identity.Name,
                model.Identity.Version,
                model.Identity.Device,
                Lanes = model.Workers,
                Tasks = model.Tasks.Select(t => t.Name),
                TokensPerSecond = Math.Round(tokens.TokensPerSecond),
                EventsPerSecond = Math.Round(events.EventsPerSecond),
                Grid = grid.Select(c => new
                {
                    c.Rows,
                    c.Columns,
                    TokensPerSecond = Math.Round(c.TokensPerSecond),
                    EventsPerSecond = Math.Round(c.EventsPerSecond, 1),
                }),
            },
            CommonOptions.Json));
    }
}
