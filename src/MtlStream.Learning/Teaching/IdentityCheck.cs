using Microsoft.ML.OnnxRuntime;
using MtlStream.Models;
using MtlStream.Text;

namespace MtlStream.Learning.Teaching;

/// <summary>Proves that teaching changed nothing: every output of the old package has the same bits in the new one.</summary>
public static class IdentityCheck
{
    /// <returns>The first output that differs, and the text's place; null when none does.</returns>
    public static (string Output, int Text)? FirstDifference(ModelManifest before, ModelManifest after, TextTokenizer tokenizer, IReadOnlyList<string> texts)
    {
        using var old = GraphSession.Open(before);
        using var taught = GraphSession.Open(after);
        for (var text = 0; text < texts.Count; text++)
        {
            using var tokens = tokenizer.Tokenize(texts[text]);
            var length = tokens.SequenceLength(0);
            var ids = new long[length];
            var cases = new long[length];
            tokens.WriteSequence(0, ids, cases);
            using var expected = old.Run(ids, cases, old.Outputs);
            using var found = taught.Run(ids, cases, old.Outputs);
            for (var output = 0; output < old.Outputs.Count; output++)
            {
                if (!Same(expected[output], found[output])) return (old.Outputs[output], text);
            }
        }

        return null;
    }

    private static bool Same(OrtValue one, OrtValue other) =>
        one.GetTensorMutableRawData().SequenceEqual(other.GetTensorMutableRawData());
}
