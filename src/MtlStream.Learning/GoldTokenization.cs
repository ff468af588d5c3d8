using MtlStream.Batching;
using MtlStream.Tasks;
using MtlStream.Text;

namespace MtlStream.Learning;

/// <summary>Tags for words that are given instead of found: how a treebank's words are scored.</summary>
internal static class GoldTokenization
{
    /// <summary>Each word is tokenized by itself, as the splitter's words are; a word's tag is that of its first token.</summary>
    /// <param name="task">A token-level task of the model.</param>
    /// <returns>A label for each word of each sentence; null for a word without any token, or beyond the model's width.</returns>
    public static async Task<string?[][]> TagAsync(LoadedModel loaded, int task, IReadOnlyList<IReadOnlyList<string>> sentences, CancellationToken stopping)
    {
        var labels = loaded.Model.Tasks[task].Labels;
        var tags = new string?[sentences.Count][];
        var firsts = new int[sentences.Count][];
        var former = new BatchFormer(loaded.Model.Shape, loaded.Model.Workers);
        for (var i = 0; i < sentences.Count; i++)
        {
            var tokens = loaded.Tokenizer.TokenizeWords(sentences[i]);
            firsts[i] = Firsts(tokens);
            former.Add(new(tokens, 0, new Sentence(i, tokens)), i);
        }

        var batches = new Queue<TokenBatch>();
        while (former.Count > 0) batches.Enqueue(former.Form(BatchTrigger.EndOfInput));

        await Task.WhenAll(Enumerable.Range(0, loaded.Model.Workers).Select(worker => Task.Run(
            () =>
            {
                while (Next() is { } batch)
                {
                    stopping.ThrowIfCancellationRequested();
                    using var predictions = loaded.Model.Predict(batch, worker);
                    for (var sequence = 0; sequence < batch.Sequences.Count; sequence++)
                    {
                        using var owner = (Sentence)batch.Sequences[sequence].Owner!;
                        var sentence = owner.Index;
                        var given = TokenLabelTask.TagsOf(predictions.Of(task, sequence));
                        tags[sentence] = new string?[firsts[sentence].Length];
                        for (var word = 0; word < tags[sentence].Length; word++)
                        {
                            if (firsts[sentence][word] is >= 0 and var column) tags[sentence][word] = labels[given[column]];
                        }
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

    /// <summary>Column of each word's first token in the first window; -1 for a word without one.</summary>
    private static int[] Firsts(TokenizedText tokens)
    {
        var kept = tokens.Windows[0].Length;
        var firsts = new int[tokens.Words.Length];
        for (var i = 0; i < firsts.Length; i++)
        {
            var first = tokens.Words[i].FirstToken;
            firsts[i] = first >= 0 && first < kept ? first + 1 : -1;
        }

        return firsts;
    }

    private sealed class Sentence(int index, TokenizedText tokens) : SequenceOwner
    {
        public int Index { get; } = index;

        public override void Dispose()
        {
            tokens.Dispose();
            base.Dispose();
        }
    }
}
