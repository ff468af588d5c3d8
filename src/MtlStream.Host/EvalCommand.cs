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
            var options = new ModelOptions
            {
                Path = parsed.GetValue(model)!,
                Device = parsed.GetValue(device)!,
                RowsPerCall = parsed.GetValue(rowsPerCall),
                Languages = ModelOptions.AnyLanguage,
            };
            var (output, progress) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var results = new List<TaskScores>();
            IReadOnlyList<BatchInvarianceCheck.Share>? flipped = null;
            ModelIdentity? identity = null;
            foreach (var load in EvalLoads.Of(tool.Models, options, parsed.GetValue(tasks)!))
            {
                using var loaded = load.Load();
                identity ??= loaded.Model.Identity;
                results.AddRange(await RunAsync(new(tool.Pipelines, loaded, reader), [.. loaded.Model.Tasks.Where(load.Scores)], known, progress, stopping));
                if (load.Labels && parsed.GetValue(flips)) flipped = BatchInvarianceCheck.Measure(loaded, known.Where(s => s.Flips).Select(reader.Raw), stopping);
            }

            if (identity is null) throw new UsageException("--tasks: found no task, expected one at least.");
            Print(identity, results, output);
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
                        identity.Name,
                        identity.Version,
                        identity.Device,
                        Tasks = results.GroupBy(r => r.Task).ToDictionary(
                            r => r.Key, r => r.SelectMany(t => t.Scores).ToDictionary(s => s.Key, s => Math.Round(s.Value, 5))),
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
            var own = sets.Where(s => s.Task == task.Name).ToList();
            if (own.Count == 0) await progress.WriteLineAsync($"{task.Name}: no test set is known for this task; not scored.");
            foreach (var set in own)
            {
                var started = Stopwatch.GetTimestamp();
                var result = await ScoreAsync(evaluator, task, set, stopping);
                results.Add(result);
                await progress.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture, $"{task.Name}: {result.Texts} texts in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s"));
            }
        }

        return results;
    }

    private static async Task<TaskScores> ScoreAsync(Evaluator evaluator, ModelTask task, TestSet set, CancellationToken stopping)
    {
        try
        {
            return await evaluator.ScoreAsync(task, set, stopping);
        }
        catch (UsageException exception)
        {
            throw new UsageException($"{task.Name}: {exception.Message}", exception);
        }
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
