using System.Text.Json;
using MtlStream.Json;
using MtlStream.Tasks;
using MtlStream.Text;
using static MtlStream.Json.JsonFields;

namespace MtlStream.Models;

/// <summary>Reads a manifest and collects everything that is wrong with it, each with its place, before giving up.</summary>
internal sealed class ManifestReader
{
    private static readonly string[] s_devices = ["cpu", "cuda"];

    private static readonly string[] s_taskMembers =
        ["name", "kind", "outputs", "temperature", "threshold", "thresholds", "languages", "tellsLanguage", "data", "scores"];

    private const int MaxIdentifierLength = 100;

    private readonly string _folder;
    private readonly IReadOnlyList<TaskKind> _kinds;
    private readonly JsonFields _fields = new();

    private ManifestReader(string folder, IReadOnlyList<TaskKind> kinds)
    {
        _folder = folder;
        _kinds = kinds;
    }

    /// <exception cref="InvalidDataException">One message that names everything that is wrong.</exception>
    public static ModelManifest Read(string folder, byte[] json, IReadOnlyList<TaskKind> kinds)
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

        var reader = new ManifestReader(folder, kinds);
        var manifest = reader.Manifest(root);
        var problems = reader._fields.Problems;
        return problems.Count == 0 ? manifest : throw PackageProblems.Of(file, problems);
    }

    private ModelManifest Manifest(JsonElement root)
    {
        Text(root, "", "schema");
        NoOthers(
            root, "", "schema", "name", "version", "encoder", "tokenizer", "maxTokens", "window", "graphs", "inputs", "rowsPerCall", "tasks",
            "checksums", "golden", "reference");
        return new(
            _folder, Identifier(root, "name"), Identifier(root, "version"), Optional(root, "encoder"), Tokenizer(root),
            Graphs(root), Inputs(root),
            Optional(root, "rowsPerCall") is null ? 1 : WholeNumber(root, "", "rowsPerCall", least: 1, most: 64), Tasks(root), Checksums(root), Golden(root), Optional(root, "reference"));
    }

    // Folders of compiled graphs are named after both, and results carry them.
    private string Identifier(JsonElement root, string name)
    {
        var text = Text(root, "", name);
        if (text.Length > MaxIdentifierLength || text.Any(c => c is '/' or '\\' || char.IsControl(c)))
            Problem(name, $"found {text.Length} characters, expected {MaxIdentifierLength} at most and neither slashes nor control characters");
        return text;
    }

    private TokenizerSettings Tokenizer(JsonElement root)
    {
        var tokenizer = Member(root, "", "tokenizer", JsonValueKind.Object);
        NoOthers(tokenizer, "tokenizer", "kind", "files", "lowercase", "stripAccents", "caseIds", "words", "foldLetters", "emojiVariants");
        var files = new Dictionary<string, string>();
        foreach (var member in Members(Member(tokenizer, "tokenizer", "files", JsonValueKind.Object)))
        {
            var at = $"tokenizer.files.{member.Name}";
            if (member.Value.ValueKind == JsonValueKind.String) files[member.Name] = ExistingFile(member.Value.GetString()!, at);
            else Problem(at, $"found {Describe(member.Value)}, expected a file name");
        }

        var maxTokens = WholeNumber(root, "", "maxTokens", least: 8, most: 1 << 16);
        // Half of what fits between [CLS] and [SEP]: with more, a window would hardly get on.
        var overlap = Optional(root, "window") is null ? 0
            : WholeNumber(Member(root, "", "window", JsonValueKind.Object), "window", "overlap", least: 0, most: (maxTokens - 2) / 2);
        return new(
            Text(tokenizer, "tokenizer", "kind"), files, _fields.Flag(tokenizer, "tokenizer", "lowercase"), _fields.Flag(tokenizer, "tokenizer", "stripAccents"),
            _fields.Flag(tokenizer, "tokenizer", "caseIds"), _fields.Flag(tokenizer, "tokenizer", "words"), maxTokens, overlap)
        {
            FoldLetters = Optional(tokenizer, "foldLetters") is not null && _fields.Flag(tokenizer, "tokenizer", "foldLetters"),
            EmojiVariants = Optional(tokenizer, "emojiVariants") is not null && _fields.Flag(tokenizer, "tokenizer", "emojiVariants"),
        };
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

        if (graphs.Count == 0 && _fields.Problems.Count == 0) Problem("graphs", "found none, expected a file for cpu, cuda or both");
        return graphs;
    }

    private ModelInputs Inputs(JsonElement root)
    {
        var inputs = Member(root, "", "inputs", JsonValueKind.Object);
        NoOthers(inputs, "inputs", "ids", "mask", "types", "cases", "segments");
        var ids = Text(inputs, "inputs", "ids");
        var mask = Text(inputs, "inputs", "mask");
        var cases = OptionalText(inputs, "inputs", "cases");
        var segments = OptionalText(inputs, "inputs", "segments");
        var types = OptionalText(inputs, "inputs", "types");
        var givesCases = Optional(root, "tokenizer") is { } tokenizer && Optional(tokenizer, "caseIds") is { ValueKind: JsonValueKind.True };
        if (cases is not null && !givesCases) Problem("inputs.cases", "found an input for letter case, expected tokenizer.caseIds to be true");
        if (types is null) return new(ids, mask, cases, segments);
        if (cases is not null || segments is not null) Problem("inputs.types", "found beside cases or segments, expected them alone");
        return givesCases ? new(ids, mask, types, null) : new(ids, mask, null, types);
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
            if (task.ValueKind != JsonValueKind.Object) Problem(at, $"found {Describe(task)}, expected an object");
            else if (Task(task, at) is { } read) tasks.Add(read);
        }

        if (index == 0) Problem("tasks", "found none, expected at least one");
        foreach (var twice in array.EnumerateArray().GroupBy(t => Given(t, "name")).Where(g => g.Key.Length > 0 && g.Count() > 1))
            Problem("tasks", $"found the name \"{twice.Key}\" {twice.Count()} times, expected it once");
        return tasks;
    }

    /// <summary>Null where something is wrong with it.</summary>
    private ManifestTask? Task(JsonElement task, string at)
    {
        var name = Text(task, at, "name");
        if (name.Length > 0) at = $"{at} ({name})";
        var kindName = Text(task, at, "kind");
        var kind = _kinds.FirstOrDefault(k => k.Name == kindName);
        NoOthers(task, at, [.. s_taskMembers, .. kind?.Members ?? _kinds.SelectMany(k => k.Members)]);
        if (kind is null && kindName.Length > 0)
            Problem($"{at}.kind", $"found \"{kindName}\", expected one of {string.Join(", ", _kinds.Select(k => k.Name))}");
        var outputs = Member(task, at, "outputs", JsonValueKind.Object);
        var temperature = Temperature(task, at);
        if (kind is null) return null;
        var tensors = kind.Outputs.Select(role => Text(outputs, $"{at}.outputs", role)).ToList();
        var model = kind.Read(new(_fields, task, at, name));
        if (model is null) return null;
        model.Languages = Languages(task, at);
        model.TellsLanguage = TellsLanguage(task, at, model);
        return new(model, tensors, temperature, Data(task), Scores(task));
    }

    private List<string> Languages(JsonElement task, string at)
    {
        if (Optional(task, "languages") is not { } value) return [];
        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(l => l.ValueKind == JsonValueKind.String))
            return [.. value.EnumerateArray().Select(l => l.GetString()!)];
        Problem($"{at}.languages", $"found {Describe(value)}, expected an array of strings");
        return [];
    }

    private bool TellsLanguage(JsonElement task, string at, ModelTask model)
    {
        if (Optional(task, "tellsLanguage") is not { } value) return false;
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) Problem($"{at}.tellsLanguage", $"found {Describe(value)}, expected true or false");
        else if (value.ValueKind == JsonValueKind.True && model is not SingleLabelTask) Problem($"{at}.tellsLanguage", $"found true for the kind {model.Kind}, expected it of single_label alone");
        return value.ValueKind == JsonValueKind.True;
    }

    private double Temperature(JsonElement task, string at)
    {
        var temperature = _fields.Number(task, at, "temperature", 1);
        if (temperature <= 0) Problem($"{at}.temperature", $"found {Describe(task.GetProperty("temperature"))}, expected a number above 0");
        return temperature;
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
        var path = Path.GetFullPath(Path.Combine(_folder, name));
        if (Path.IsPathRooted(name) || !path.StartsWith(_folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            Problem(at, $"found {name}, expected a file within the package, named from its folder");
        else if (!File.Exists(path)) Problem(at, $"found no file {path}");
        return path;
    }

    private JsonElement Member(JsonElement parent, string at, string name, JsonValueKind kind) =>
        _fields.Member(parent, at, name, kind);

    private string Text(JsonElement parent, string at, string name) => _fields.Text(parent, at, name);

    private string? OptionalText(JsonElement parent, string at, string name) => _fields.OptionalText(parent, at, name);

    private int WholeNumber(JsonElement parent, string at, string name, int least, int most) =>
        _fields.WholeNumber(parent, at, name, least, most);

    private void NoOthers(JsonElement parent, string at, params ReadOnlySpan<string> known) => _fields.NoOthers(parent, at, known);

    private void Problem(string at, string what) => _fields.Problem(at, what);
}
