using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using System.Text.Json;
using MtlStream.Learning;
using MtlStream.Models;
using MtlStream.Tasks;

namespace MtlStream.Host;

/// <summary><c>mtlstream model eval</c>: the public test sets through the pipeline as served.</summary>
internal static class EvalCommand
{
    // No member for what was not asked for.
    private static readonly JsonSerializerOptions s_json = new(CommonOptions.Json) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public static Command Build()
    {
        var data = new Option<string>("--data")
        {
            Description = "Folder of the test sets, laid out as training/data.md says.",
            HelpName = "DIR",
            Required = true,
        };
        var sets = new Option<string?>("--sets")
        {
            Description = "JSON list of the test sets: task, name, reader, files, metrics; without it the one that comes with the program.",
            HelpName = "FILE",
        };
        var (model, device, tasks, json) = (CommonOptions.Model(), CommonOptions.Device(), CommonOptions.Tasks(), CommonOptions.JsonReport());
        var flips = new Option<bool>("--flips")
        {
            Description = "Also measure the share of labels that differ between one text a batch and full batches.",
        };
        var rowsPerCall = new Option<int>("--rows-per-call")
        {
            Description = "Most texts in one call, on a CPU; 0 for what the package allows.",
            HelpName = "N",
        };
        var command = new CliCommand(
            "eval", "Scores the model on the public test sets, through the pipeline as served.",
            "mtlstream model eval --data CORPORA", "mtlstream model eval --data CORPORA --tasks pos,entities --json")
        {
            data, sets, model, device, tasks, flips, rowsPerCall, json,
        };
        command.SetAction(async (parsed, stopping) =>
        {
            var folder = parsed.GetRequiredValue(data);
            if (folder.Length == 0) throw new UsageException("--data is empty, expected a folder.");
            if (!Directory.Exists(folder)) throw new UsageException($"--data: {Path.GetFullPath(folder)} does not exist.");
            var known = TestSet.Load(parsed.GetValue(sets));
            var reader = new TestSetReader(folder);
            using var tool = new ToolServices();
            using var loaded = tool.Models.Load(
                new()
                {
                    Path = parsed.GetValue(model)!,
                    Device = parsed.GetValue(device)!,
                    Tasks = parsed.GetValue(tasks)!,
                    RowsPerCall = parsed.GetValue(rowsPerCall),
                    Languages = ModelOptions.AnyLanguage,
                },
                new());
            var (output, progress) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var results = await RunAsync(new(tool.Pipelines, loaded, reader), loaded.Model.Tasks, known, progress, stopping);
            var flipped = parsed.GetValue(flips)
                ? BatchInvarianceCheck.Measure(loaded, known.Where(s => s.Flips).Select(reader.Raw), stopping) : null;
            Print(loaded.Model.Identity, results, output);
            foreach (var share in flipped ?? [])
            {
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{share.Task,-10} {"flips",-16} {100.0 * share.Flipped / share.Labels,7:F3} %   {share.Flipped} of {share.Labels} labels; " +
                    $"largest difference of a score {share.LargestDifference:F3}"));
            }

            if (parsed.GetValue(json))
            {
                await output.WriteLineAsync(JsonSerializer.Serialize(
                    new
                    {
                        loaded.Model.Identity.Name,
                        loaded.Model.Identity.Version,
                        loaded.Model.Identity.Device,
                        Tasks = results.ToDictionary(r => r.Task, r => r.Scores.ToDictionary(s => s.Key, s => Math.Round(s.Value, 5))),
                        Flips = flipped?.ToDictionary(f => f.Task, f => Math.Round((double)f.Flipped / f.Labels, 6)),
                    },
                    s_json));
            }

            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task<List<TaskScores>> RunAsync(
        Evaluator evaluator, IReadOnlyList<ModelTask> tasks, IReadOnlyList<TestSet> sets, TextWriter progress, CancellationToken stopping)
    {
        var results = new List<TaskScores>();
        foreach (var task in tasks)
        {
            if (sets.FirstOrDefault(s => s.Task == task.Name) is not { } set)
            {
                await progress.WriteLineAsync($"{task.Name}: no test set is known for this task; not scored.");
                continue;
            }

            var started = Stopwatch.GetTimestamp();
            TaskScores result;
            try
            {
                result = await evaluator.ScoreAsync(task, set, stopping);
            }
            catch (UsageException exception)
            {
                throw new UsageException($"{task.Name}: {exception.Message}", exception);
            }

            results.Add(result);
            await progress.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"{task.Name}: {result.Texts} texts in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s"));
        }

        return results;
    }

    private static void Print(ModelIdentity model, List<TaskScores> results, TextWriter output)
    {
        output.WriteLine($"{model.Name} {model.Version} on {model.Device}");
        foreach (var (task, set, texts, scores) in results)
        {
            foreach (var (metric, score) in scores)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{task,-10} {metric,-16} {100 * score,7:F2} %   {set}, {texts} texts"));
        }
    }
}
