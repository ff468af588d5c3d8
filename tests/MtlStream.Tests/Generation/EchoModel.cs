using System.Collections.Concurrent;
using MtlStream.Generation;
using MtlStream.Models;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Generation;

/// <summary>A model without a graph that writes its source again; what the source begins with has it do otherwise.</summary>
/// <remarks>Tokens are letters, as the tokenizer of <c>exports/t5</c> has them.</remarks>
internal sealed class EchoModel : ISequenceModel
{
    private static readonly string s_export = Path.Combine(Repository.Root, "tests", "MtlStream.Tests", "Generation", "exports", "t5");

    private static readonly GenerationRules s_rules = new() { Start = 0, Ends = [1], Pad = 0, MaxTokens = 400 };

    private static readonly GeneratorTokens s_tokens = new(
        "sentencepiece", new Dictionary<string, string> { ["model"] = "spiece.model" }, [], [1], 2, "", ["<pad>", "</s>", "<unk>"]);

    private readonly GeneratorTokenizer _tokenizer = GeneratorTokenizer.Load(s_tokens, s_export, s_rules);

    /// <summary>Rows of each call, and how many tokens they had read before.</summary>
    public ConcurrentQueue<(int Rows, int Read)> Calls { get; } = [];

    /// <summary>Most of what running batches were allowed to reserve.</summary>
    public int MostTokens { get; private set; }

    /// <summary>Called before each step.</summary>
    public Action Stepping { get; init; } = () => { };

    /// <summary>Says what the device does about rows with these sources; null for nothing.</summary>
    public Func<IReadOnlyList<string>, Exception?> Refuse { get; init; } = _ => null;

    public int Vocabulary => 36;

    public bool IsDisposed { get; private set; }

    public TextGenerator Generator(string name, GenerationOptions options, GenerationRules? rules = null) => new(
        name,
        new()
        {
            Schema = GeneratorManifest.SchemaName, Name = name, Version = "1.0.0", Architecture = "t5", Graphs = new("", "", null), Tokenizer = s_tokens,
            MaxSourceTokens = 256, Rules = rules ?? s_rules, Golden = "", Checksums = new Dictionary<string, string>(),
        },
        this, _tokenizer, options);

    public TextGenerators Generators(string always, GenerationOptions? options = null)
    {
        options ??= new() { Workers = 1 };
        return new([Generator("echo", options)], always, options, new MeterFactory());
    }

    public IDecoding Begin(IReadOnlyList<int[]> sources)
    {
        var texts = sources.Select(s => _tokenizer.Decode(s)).ToList();
        if (Refuse(texts) is InferenceException refusal && texts.Exists(t => t.StartsWith("unreadable", StringComparison.Ordinal))) throw refusal;
        return new Echo(this, [.. sources.Zip(texts, (source, text) => new Row(source, text))], 0);
    }

    public void Dispose() => IsDisposed = true;

    private void Note(IReadOnlyList<Row> rows, int read)
    {
        Calls.Enqueue((rows.Count, read));
        MostTokens = Math.Max(MostTokens, (rows.Count * rows.Max(r => r.Source.Length)) + (rows.Count * read));
    }

    private sealed record Row(int[] Source, string Text);

    private sealed class Echo(EchoModel model, Row[] rows, int read) : IDecoding
    {
        private int _read = read;

        public int Rows => rows.Length;

        public Span<float> Read(scoped ReadOnlySpan<int> tokens)
        {
            model.Stepping();
            Assert.Equal(rows.Length, tokens.Length);
            if (model.Refuse([.. rows.Select(r => r.Text)]) is { } refusal) throw refusal;
            for (var row = 0; row < rows.Length; row++) Assert.Equal(_read == 0 ? 0 : Said(rows[row], _read - 1), tokens[row]);
            model.Note(rows, _read);
            var logits = new float[rows.Length * model.Vocabulary];
            for (var row = 0; row < rows.Length; row++)
            {
                var said = Said(rows[row], _read);
                if (said >= 0) logits[(row * model.Vocabulary) + said] = 9;
                else logits.AsSpan(row * model.Vocabulary, model.Vocabulary).Fill(float.NaN);
            }

            _read++;
            return logits;
        }

        public IDecoding Choose(ReadOnlySpan<int> chosen)
        {
            var selected = new Row[chosen.Length];
            for (var i = 0; i < chosen.Length; i++) selected[i] = rows[chosen[i]];
            return new Echo(model, selected, _read);
        }

        public IDecoding Join(IDecoding other)
        {
            var joined = (Echo)other;
            Assert.Equal(_read, joined._read);
            return new Echo(model, [.. rows, .. joined.AllRows], _read);
        }

        public void Dispose()
        {
        }

        private Row[] AllRows => rows;

        private static int Said(Row row, int at)
        {
            if (row.Text.StartsWith("nan", StringComparison.Ordinal) && at == 2) return -1;
            if (row.Text.StartsWith("loop", StringComparison.Ordinal)) return 4 + (at % 3);
            if (row.Text.StartsWith("endless", StringComparison.Ordinal)) return 4 + ((at * at / 7) % 28);
            return row.Source[at];
        }
    }
}
