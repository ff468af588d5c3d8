using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace MtlStream.Models;

/// <summary>Which model serves, and where. Section <c>Model</c>.</summary>
public sealed record ModelOptions : IValidatableObject
{
    /// <summary>Folder of the model package. Empty: the package that comes with the program.</summary>
    public string Path { get; init; } = "";

    /// <summary>Give every text the same labels, without a model: for measuring. <c>Model:Path</c> lends the tasks and the tokenizer.</summary>
    public bool ConstantLabels { get; init; }

    /// <summary>
    /// <c>auto</c>, <c>cpu</c> or <c>cuda</c>. <c>auto</c> takes a GPU when there is one that can serve, else the CPU.
    /// <c>cuda</c> fails at start without one.
    /// </summary>
    [RegularExpression("auto|cpu|cuda")]
    public string Device { get; init; } = "auto";

    /// <summary>Tasks to serve, comma-separated; empty for all that results carry by themselves.</summary>
    public string Tasks { get; init; } = "";

    /// <summary>
    /// Least score of a task for a label to be given, in place of the package's. For one of several labels:
    /// <c>Model:Thresholds:TASK:LABEL</c>.
    /// </summary>
    public IReadOnlyDictionary<string, double> Thresholds { get; init; } = new Dictionary<string, double>();

    /// <summary>In <see cref="Languages"/>: no task is silent.</summary>
    public const string AnyLanguage = "all";

    /// <summary>
    /// Languages of texts that get labels, ISO 639-3, comma-separated; <c>all</c>: any. Empty: those that the package's tasks know.
    /// <see href="events.md#texts-in-other-languages">Tasks are silent</see> for others.
    /// </summary>
    public string Languages { get; init; } = "";

    /// <summary>Whether tasks that give vectors are served although nobody names them. No setting: <c>Output:Vectors</c> decides.</summary>
    public bool OnRequest { get; private init; }

    /// <summary>The same with the tasks that give vectors, or without.</summary>
    public ModelOptions WithOnRequest(bool wanted) => this with { OnRequest = wanted };

    /// <summary>Questions that every text is asked, by name. No setting: section <c>Questions</c>.</summary>
    public IReadOnlyDictionary<string, string> Questions { get; private init; } = new Dictionary<string, string>();

    /// <summary>Where events have a question of their own. No setting: <c>Input:QuestionPointer</c>.</summary>
    public string QuestionPointer { get; private init; } = "";

    /// <summary>The same with questions that texts are asked.</summary>
    /// <param name="ofEvents">Where events have their own; empty where they bring none with them.</param>
    public ModelOptions Asking(IReadOnlyDictionary<string, string> questions, string ofEvents) => this with { Questions = questions, QuestionPointer = ofEvents };

    /// <summary>
    /// Names of <c>Generation:Models</c>, or of texts that the package writes itself, comma-separated: each is written about every event
    /// whose header <c>mtlstream.generate</c> does not say otherwise. Empty: none.
    /// </summary>
    public string Generate { get; init; } = "";

    /// <summary>File of replies that the best one is given of: <see href="events.md#replies">JSON lines</see>. Empty: none.</summary>
    public string Replies { get; init; } = "";

    /// <summary>Calls of the model side by side. Zero: what suits the device; on a CPU one per core.</summary>
    [Range(0, 256)]
    public int Lanes { get; init; }

    /// <summary>
    /// Threads that work on one call, on a CPU. More than one lowers the latency of long texts and costs throughput. Zero: what
    /// scores most short texts a second when it is tried at start, which takes a second or two.
    /// </summary>
    [Range(0, 256)]
    public int ThreadsPerLane { get; init; } = 1;

    /// <summary>
    /// Most texts in one call, on a CPU. Zero: as many as the package allows without a text's scores depending on the others, of like
    /// length, of those that wait anyway. More than one: that many whatever their lengths, waiting for company for <c>Batching:Linger</c>.
    /// </summary>
    [Range(0, 512)]
    public int RowsPerCall { get; init; }

    /// <summary>Rows whose results are kept, so that a text that comes again is not scored again. Zero: none.</summary>
    [Range(0, 1_000_000)]
    public int RecentResults { get; init; }

    /// <summary>How often to look for a new version of the package. Zero: never.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan ReloadInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Folder of another package that scores a sample beside the one that serves; only its agreement is published. Empty: none.</summary>
    public string Shadow { get; init; } = "";

    /// <summary>Share of the events that the shadow model scores.</summary>
    [Range(0d, 1d)]
    public double ShadowShare { get; init; } = 0.01;

    /// <summary>
    /// Folder of a candidate, or a link to it, that <see href="operations.md#canary">scores a share of the events</see>. It may come while
    /// the worker runs. Empty: none.
    /// </summary>
    public string Canary { get; init; } = "";

    /// <summary>Share of the batches that the candidate scores.</summary>
    [Range(0d, 1d)]
    public double CanaryShare { get; init; } = 0.05;

    /// <summary>Events that the candidate scores before it is judged by its labels and its time.</summary>
    [Range(100, 100_000_000)]
    public int CanaryEvents { get; init; } = 1000;

    /// <summary>Population stability index between its labels and those of the version before, beyond chance, above which it is rolled back.</summary>
    [Range(0d, 100d)]
    public double CanaryDrift { get; init; } = 0.25;

    /// <summary>Time per token, as a multiple of the version before, above which it is rolled back.</summary>
    [Range(1d, 1000d)]
    public double CanarySlowdown { get; init; } = 2;

    /// <summary>Whether a candidate that has passed scores everything, until the worker restarts or another version comes.</summary>
    public bool CanaryPromote { get; init; }

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var (name, threshold) in Thresholds)
        {
            if (threshold is not (>= 0 and <= 1))
                yield return new($"Model:Thresholds:{name}: found {threshold.ToString(CultureInfo.InvariantCulture)}, expected a score from 0 to 1.");
        }
    }
}
