using System.Text.Json;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Models;

/// <summary>Reads a manifest and collects everything that is wrong with it, each with its place, before giving up.</summary>
internal sealed class ManifestReader
{
    private static readonly Dictionary<string, TaskKind> s_kinds = new()
    {
        ["single_label"] = TaskKind.SingleLabel,
        ["multi_label"] = TaskKind.MultiLabel,
        ["token_tags"] = TaskKind.TokenTags,
        ["token_spans"] = TaskKind.TokenSpans,
    };

    private static readonly string[] s_devices = ["cpu", "cuda", "tensorrt"];

    private readonly string _folder;
    private readonly List<string> _problems = [];

    private ManifestReader(string folder) => _folder = folder;

    /// <exception cref="InvalidDataException">One message that names everything that is wrong.</exception>
    public static ModelManifest Read(string folder, byte[] json)
    {
        var file = Path.Combine(folder, ModelManifest.FileName);
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(json);
            root = document.RootElement.Clone();
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"{file}: not well-formed JSON: {exception.Message}", exception);
        }

        if (Given(root, "schema") is { Length: > 0 } schema && schema != ModelManifest.Schema)
            throw new InvalidDataException($"{file}: schema: found \"{schema}\", expected \"{ModelManifest.Schema}\".");

        var reader = new ManifestReader(folder);
        var manifest = reader.Manifest(root);
        if (reader._problems.Count > 0)
        {
            throw new InvalidDataException(
                $"{file}: {reader._problems.Count} problem(s):{string.Concat(reader._problems.Select(p => $"{Environment.NewLine}  {p}"))}");
        }

        return manifest;
    }

    private ModelManifest Manifest(JsonElement root)
    {
        Text(root, "", "schema");
        NoOthers(
            root, "", "schema", "name", "version", "encoder", "tokenizer", "maxTokens", "window", "graphs", "inputs", "rowsPerCall", "tasks",
            "checksums", "golden", "reference");
        var inputs = Member(root, "", "inputs", JsonValueKind.Object);
        NoOthers(inputs, "inputs", "ids", "mask", "types");
        return new(
            _folder, Text(root, "", "name"), Text(root, "", "version"), Optional(root, "encoder"), Tokenizer(root),
            Graphs(root), new(Text(inputs, "inputs", "ids"), Text(inputs, "inputs", "mask"), OptionalText(inputs, "inputs", "types")),
            Optional(root, "rowsPerCall") is null ? 1 : Integer(root, "", "rowsPerCall", least: 1, most: 64), Tasks(root), Checksums(root), Golden(root), Optional(root, "reference"));
    }

    private TokenizerSettings Tokenizer(JsonElement root)
    {
        var tokenizer = Member(root, "", "tokenizer", JsonValueKind.Object);
        NoOthers(tokenizer, "tokenizer", "kind", "files", "lowercase", "stripAccents", "caseIds", "words");
        var files = new Dictionary<string, string>();
        foreach (var member in Members(Member(tokenizer, "tokenizer", "files", JsonValueKind.Object)))
        {
            var at = $"tokenizer.files.{member.Name}";
            if (member.Value.ValueKind == JsonValueKind.String) files[member.Name] = ExistingFile(member.Value.GetString()!, at);
            else Problem(at, $"found {Describe(member.Value)}, expected a file name");
        }

        var maxTokens = Integer(root, "", "maxTokens", least: 8, most: 1 << 16);
        // Half of what fits between [CLS] and [SEP]: with more, a window would hardly get on.
        var overlap = Optional(root, "window") is null ? 0
            : Integer(Member(root, "", "window", JsonValueKind.Object), "window", "overlap", least: 0, most: (maxTokens - 2) / 2);
        return new(
            Text(tokenizer, "tokenizer", "kind"), files, Flag(tokenizer, "lowercase"), Flag(tokenizer, "stripAccents"),
            Flag(tokenizer, "caseIds"), Flag(tokenizer, "words"), maxTokens, overlap);
    }

    private Dictionary<string, string> Graphs(JsonElement root)
    {
        var graphs = new Dictionary<string, string>();
        foreach (var member in Members(Member(root, "", "graphs", JsonValueKind.Object)))
        {
            var at = $"graphs.{member.Name}";
            if (!s_devices.Contains(member.Name)) Problem(at, $"found device \"{member.Name}\", expected one of {string.Join(", ", s_devices)}");
            else if (member.Value.ValueKind != JsonValueKind.String) Problem(at, $"found {Describe(member.Value)}, expected a file name");
            else graphs[member.Name] = ExistingFile(member.Value.GetString()!, at);
        }

        if (graphs.Count == 0 && _problems.Count == 0) Problem("graphs", "found none, expected a file for cpu, cuda, tensorrt or several of them");
        return graphs;
    }

    private List<ManifestTask> Tasks(JsonElement root)
    {
        var tasks = new List<ManifestTask>();
        var array = Member(root, "", "tasks", JsonValueKind.Array);
        if (array.ValueKind != JsonValueKind.Array) return tasks;
        var index = 0;
        foreach (var task in array.EnumerateArray())
        {
            var at = $"tasks[{index++}]";
            if (task.ValueKind == JsonValueKind.Object) tasks.Add(Task(task, at));
            else Problem(at, $"found {Describe(task)}, expected an object");
        }

        if (tasks.Count == 0) Problem("tasks", "found none, expected at least one");
        foreach (var twice in tasks.GroupBy(t => t.Task.Name).Where(g => g.Key.Length > 0 && g.Count() > 1))
            Problem("tasks", $"found the name \"{twice.Key}\" {twice.Count()} times, expected it once");
        return tasks;
    }

    private ManifestTask Task(JsonElement task, string at)
    {
        var name = Text(task, at, "name");
        if (name.Length > 0) at = $"{at} ({name})";
        NoOthers(task, at, "name", "kind", "labels", "outputs", "temperature", "threshold", "thresholds", "data", "scores");
        var kindName = Text(task, at, "kind");
        if (!s_kinds.TryGetValue(kindName, out var kind) && kindName.Length > 0)
            Problem($"{at}.kind", $"found \"{kindName}\", expected one of {string.Join(", ", s_kinds.Keys)}");

        var labels = Labels(task, at, kind);
        var model = new ModelTask(name, kind, labels, Thresholds(task, at, kind, labels.Count));
        var outputs = Member(task, at, "outputs", JsonValueKind.Object);
        var names = model.IsTokenLevel
            ? new TaskOutputs(Text(outputs, $"{at}.outputs", "scores"), Text(outputs, $"{at}.outputs", "tags"))
            : new TaskOutputs(Text(outputs, $"{at}.outputs", "probabilities"), null);
        return new(model, names, Temperature(task, at), Data(task), Scores(task));
    }

    private double Temperature(JsonElement task, string at)
    {
        var temperature = Number(task, at, "temperature", 1);
        if (temperature <= 0) Problem($"{at}.temperature", $"found {Describe(task.GetProperty("temperature"))}, expected a number above 0");
        return temperature;
    }

    private List<string> Labels(JsonElement task, string at, TaskKind kind)
    {
        var array = Member(task, at, "labels", JsonValueKind.Array);
        if (array.ValueKind != JsonValueKind.Array) return [];
        var labels = new List<string>();
        foreach (var label in array.EnumerateArray())
        {
            if (label.ValueKind == JsonValueKind.String) labels.Add(label.GetString()!);
            else Problem($"{at}.labels[{labels.Count}]", $"found {Describe(label)}, expected a string");
        }

        var least = kind is TaskKind.MultiLabel ? 1 : 2;
        if (labels.Count < least) Problem($"{at}.labels", $"found {labels.Count}, expected at least {least}");
        foreach (var twice in labels.GroupBy(l => l).Where(g => g.Count() > 1))
            Problem($"{at}.labels", $"found \"{twice.Key}\" {twice.Count()} times, expected it once");
        if (kind == TaskKind.TokenSpans)
        {
            foreach (var label in labels.Where(l => l != "O" && !(l.Length > 2 && l[1] == '-' && l[0] is 'B' or 'I')))
                Problem($"{at}.labels", $"found \"{label}\", expected BIO labels: O, B-... and I-...");
        }

        return labels;
    }

    private List<float> Thresholds(JsonElement task, string at, TaskKind kind, int labels)
    {
        if (kind == TaskKind.SingleLabel)
        {
            var least = Number(task, at, "threshold", double.NaN);
            if (double.IsNaN(least)) return [];
            CheckShare(task.GetProperty("threshold"), $"{at}.threshold");
            return [(float)least];
        }

        if (kind != TaskKind.MultiLabel) return [];
        var array = Member(task, at, "thresholds", JsonValueKind.Array);
        if (array.ValueKind != JsonValueKind.Array) return [];
        if (array.GetArrayLength() != labels)
            Problem($"{at}.thresholds", $"found {array.GetArrayLength()} for {labels} labels, expected one for each");
        var thresholds = new List<float>();
        foreach (var threshold in array.EnumerateArray())
        {
            CheckShare(threshold, $"{at}.thresholds[{thresholds.Count}]");
            thresholds.Add(threshold.ValueKind == JsonValueKind.Number ? threshold.GetSingle() : 0);
        }

        return thresholds;
    }

    private void CheckShare(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Number || value.GetDouble() is not (>= 0 and <= 1))
            Problem(at, $"found {Describe(value)}, expected a number from 0 to 1");
    }

    private static List<TrainingData> Data(JsonElement task) => Optional(task, "data") is { ValueKind: JsonValueKind.Array } data
        ? [.. data.EnumerateArray().Where(d => d.ValueKind == JsonValueKind.Object)
            .Select(d => new TrainingData(Given(d, "name"), Given(d, "license"), Given(d, "url")))]
        : [];

    private static Dictionary<string, MeasuredScore> Scores(JsonElement task)
    {
        var scores = new Dictionary<string, MeasuredScore>();
        foreach (var member in Members(Optional(task, "scores") ?? default))
        {
            if (Optional(member.Value, "value") is { ValueKind: JsonValueKind.Number } value)
                scores[member.Name] = new(value.GetDouble(), Given(member.Value, "set"));
        }

        return scores;
    }

    private Dictionary<string, string> Checksums(JsonElement root)
    {
        const string prefix = "sha256:";
        var checksums = new Dictionary<string, string>();
        foreach (var member in Members(Optional(root, "checksums") ?? default))
        {
            var at = $"checksums.{member.Name}";
            var value = member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : Describe(member.Value);
            if (!value.StartsWith(prefix, StringComparison.Ordinal) || value.Length != prefix.Length + 64)
                Problem(at, $"found {value}, expected {prefix} and 64 hex digits");
            ExistingFile(member.Name, at);
            checksums[member.Name] = value[Math.Min(prefix.Length, value.Length)..].ToLowerInvariant();
        }

        return checksums;
    }

    private string? Golden(JsonElement root) =>
        OptionalText(root, "", "golden") is { } golden ? ExistingFile(golden, "golden") : null;

    private string ExistingFile(string name, string at)
    {
        var path = Path.Combine(_folder, name);
        if (!File.Exists(path)) Problem(at, $"found no file {path}");
        return path;
    }

    private JsonElement Member(JsonElement parent, string at, string name, JsonValueKind kind)
    {
        if (parent.ValueKind != JsonValueKind.Object)
        {
            if (at.Length == 0) Problem(name, $"found {Describe(parent)} around it, expected an object");
            return default;
        }

        if (!parent.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            Problem(Join(at, name), "missing");
            return default;
        }

        if (value.ValueKind == kind) return value;
        Problem(Join(at, name), $"found {Describe(value)}, expected {Describe(kind)}");
        return default;
    }

    private string Text(JsonElement parent, string at, string name)
    {
        var value = Member(parent, at, name, JsonValueKind.String);
        if (value.ValueKind != JsonValueKind.String) return "";
        if (value.GetString()!.Length == 0) Problem(Join(at, name), "found an empty string");
        return value.GetString()!;
    }

    private string? OptionalText(JsonElement parent, string at, string name) =>
        Optional(parent, name) is null ? null : Text(parent, at, name);

    private bool Flag(JsonElement tokenizer, string name)
    {
        if (Optional(tokenizer, name) is not { } value) return false;
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            Problem($"tokenizer.{name}", $"found {Describe(value)}, expected true or false");
        return value.ValueKind == JsonValueKind.True;
    }

    private int Integer(JsonElement parent, string at, string name, int least, int most)
    {
        var value = Member(parent, at, name, JsonValueKind.Number);
        if (value.ValueKind != JsonValueKind.Number) return least;
        if (value.TryGetInt32(out var number) && number >= least && number <= most) return number;
        Problem(Join(at, name), $"found {value.GetRawText()}, expected a whole number from {least} to {most}");
        return least;
    }

    private double Number(JsonElement parent, string at, string name, double otherwise)
    {
        if (Optional(parent, name) is not { } value) return otherwise;
        if (value.ValueKind == JsonValueKind.Number) return value.GetDouble();
        Problem(Join(at, name), $"found {Describe(value)}, expected a number");
        return otherwise;
    }

    // A misspelt threshold would otherwise be none.
    private void NoOthers(JsonElement parent, string at, params ReadOnlySpan<string> known)
    {
        foreach (var member in Members(parent))
            if (!known.Contains(member.Name)) Problem(Join(at, member.Name), $"unknown, expected one of {string.Join(", ", known)}");
    }

    private void Problem(string at, string what) => _problems.Add($"{at}: {what}.");

    private static JsonElement? Optional(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? value : null;

    private static string Given(JsonElement parent, string name) =>
        Optional(parent, name) is { ValueKind: JsonValueKind.String } value ? value.GetString()! : "";

    private static JsonElement.ObjectEnumerator Members(JsonElement parent) =>
        parent.ValueKind == JsonValueKind.Object ? parent.EnumerateObject() : default;

    private static string Join(string at, string name) => at.Length == 0 ? name : $"{at}.{name}";

    private static string Describe(JsonElement value) => value.ValueKind is JsonValueKind.String or JsonValueKind.Number
        ? value.GetRawText() : Describe(value.ValueKind);

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Null => "null",
        _ => "nothing",
    };
}
