using MtlStream.Batching;
using MtlStream.Events;
using MtlStream.Results;
using MtlStream.Text;

namespace MtlStream.Host.Evaluation;

/// <summary>Tags for words that are given instead of found: how a treebank's words are scored.</summary>
internal static class GoldTokenization
{
    /// <summary>Each word is tokenized by itself, as the splitter's words are; a word's tag is that of its first token.</summary>
    /// <param name="task">A token-level task of the model.</param>
    /// <returns>A label for each word of each sentence; null for a word without any token, or beyond the model's width.</returns>
    public static async Task<string?[][]> TagAsync(LoadedModel loaded, int task, IReadOnlyList<IReadOnlyList<string>> sentences, CancellationToken stopping)
    {
        var plain = TextTokenizer.Load(loaded.Manifest.Tokenizer with { SplitWords = false }, new());
        var labels = loaded.Model.Tasks[task].Labels;
        var tags = new string?[sentences.Count][];
        var firsts = new int[sentences.Count][];
        var former = new BatchFormer(loaded.Model.Shape, loaded.Model.Lanes);
        for (var i = 0; i < sentences.Count; i++) former.Add(new(Row(plain, sentences[i], i, loaded.Manifest.MaxTokens, out firsts[i]), 0), i);
        var batches = new Queue<TokenBatch>();
        while (former.Count > 0) batches.Enqueue(former.Form(BatchTrigger.EndOfInput));

        await Task.WhenAll(Enumerable.Range(0, loaded.Model.Lanes).Select(lane => Task.Run(
            () =>
            {
                while (Next() is { } batch)
                {
                    stopping.ThrowIfCancellationRequested();
                    using var predictions = loaded.Model.Predict(batch, lane);
                    for (var row = 0; row < batch.Rows.Count; row++)
                    {
                        var sentence = (int)batch.Rows[row].Event.Event.Source.Position.Offset;
                        var columns = predictions.Tags(task, row);
                        tags[sentence] = new string?[firsts[sentence].Length];
                        for (var word = 0; word < tags[sentence].Length; word++)
                        {
                            if (firsts[sentence][word] is >= 0 and var column) tags[sentence][word] = labels[columns[column]];
                        }

                        batch.Rows[row].Event.Dispose();
                    }
                }
            },
            stopping)));
        return tags;

        TokenBatch? Next()
        {
            lock (batches) return batches.TryDequeue(out var batch) ? batch : null;
        }
    }

    /// <param name="firsts">Column of each word's first token; -1 for a word without one.</param>
    private static TokenizedEvent Row(TextTokenizer plain, IReadOnlyList<string> words, int number, int maxTokens, out int[] firsts)
    {
        firsts = new int[words.Count];
        var (all, ends) = (new List<Token>(), new long[2]);
        for (var i = 0; i < words.Count; i++)
        {
            using var tokens = plain.Tokenize(words[i]);
            firsts[i] = tokens.Tokens.Length > 0 && all.Count < maxTokens - 2 ? all.Count + 1 : -1;
            foreach (var token in tokens.Tokens) all.Add(token);
        }

        using (var empty = plain.Tokenize("")) empty.WriteRow(0, ends, []);
        var kept = Math.Min(all.Count, maxTokens - 2);
        var (buffer, windows) = (new PooledArray<Token>(kept), new PooledArray<TokenWindow>(1));
        for (var i = 0; i < kept; i++) buffer.Span[i] = all[i];
        windows.Span[0] = new(0, kept);
        return new(
            new TextEvent(new(new("words", 0, number, 0, number), null, null, [], -1, 0), new PooledArray<char>(0), default),
            new TokenizedText(buffer, new PooledArray<Word>(0), windows, (int)ends[0], (int)ends[1], truncated: false));
    }
}
