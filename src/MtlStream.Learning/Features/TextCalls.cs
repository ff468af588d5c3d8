using Microsoft.ML.OnnxRuntime;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Text;

namespace MtlStream.Learning.Features;

/// <summary>A window of a text in a call.</summary>
internal readonly record struct CallRow(int Text, int Window);

/// <summary>Asks a package's graph about texts. Those of one length go into a call together, so that nothing is padded.</summary>
/// <param name="workers">Calls side by side, each on one thread.</param>
internal sealed class TextCalls(byte[] graph, ModelManifest manifest, IReadOnlyList<string> tensors, int workers) : IDisposable
{
    private const int MostRowsPerCall = 16;

    private readonly List<InferenceSession> _sessions = [.. Enumerable.Range(0, workers).Select(_ => SessionFactory.OpenGraph(graph, manifest.Folder))];

    /// <summary>What the graph gives for a single token: the widths are not in the graph where weights are calculated.</summary>
    public List<int> Widths()
    {
        using var run = new RunOptions();
        using var zero = OrtValue.CreateTensorValueFromMemory([0L], [1, 1]);
        using var one = OrtValue.CreateTensorValueFromMemory([1L], [1, 1]);
        using var outputs = _sessions[0].Run(run, Inputs(zero, one, zero, zero), tensors);
        return [.. outputs.Select(o => (int)o.GetTensorTypeAndShape().Shape[^1])];
    }

    /// <summary>Runs all texts.</summary>
    /// <param name="use">Takes what a call gave, one value for each tensor; several calls side by side.</param>
    /// <param name="progress">Told the share that is done, from 0 to 1.</param>
    public void Run(
        IReadOnlyList<TokenizedText> texts, Action<IReadOnlyList<OrtValue>, IReadOnlyList<CallRow>> use,
        IProgress<double>? progress, CancellationToken cancelled)
    {
        var calls = Calls(texts);
        var done = 0;
        var next = -1;
        Parallel.ForEach(
            _sessions,
            new ParallelOptions { MaxDegreeOfParallelism = _sessions.Count, CancellationToken = cancelled },
            session =>
            {
                for (var call = Interlocked.Increment(ref next); call < calls.Count; call = Interlocked.Increment(ref next))
                {
                    cancelled.ThrowIfCancellationRequested();
                    Run(session, texts, calls[call], use);
                    progress?.Report(Interlocked.Increment(ref done) / (double)calls.Count);
                }
            });
    }

    public void Dispose()
    {
        foreach (var session in _sessions) session.Dispose();
    }

    private static List<List<CallRow>> Calls(IReadOnlyList<TokenizedText> texts)
    {
        var windows =
            from text in Enumerable.Range(0, texts.Count)
            from window in Enumerable.Range(0, texts[text].Windows.Length)
            group new CallRow(text, window) by texts[text].SequenceLength(window) into length
            orderby length.Key descending
            from call in length.Chunk(MostRowsPerCall)
            select call.ToList();
        return [.. windows];
    }

    private void Run(InferenceSession session, IReadOnlyList<TokenizedText> texts, List<CallRow> call, Action<IReadOnlyList<OrtValue>, IReadOnlyList<CallRow>> use)
    {
        var length = texts[call[0].Text].SequenceLength(call[0].Window);
        var ids = new long[call.Count * length];
        var cases = new long[ids.Length];
        var mask = new long[ids.Length];
        Array.Fill(mask, 1);
        for (var row = 0; row < call.Count; row++)
        {
            var (text, window) = call[row];
            texts[text].WriteSequence(window, ids.AsSpan(row * length, length), cases.AsSpan(row * length, length));
        }

        using var run = new RunOptions();
        using var idTensor = OrtValue.CreateTensorValueFromMemory(ids, [call.Count, length]);
        using var maskTensor = OrtValue.CreateTensorValueFromMemory(mask, [call.Count, length]);
        using var caseTensor = OrtValue.CreateTensorValueFromMemory(cases, [call.Count, length]);
        using var segmentTensor = OrtValue.CreateTensorValueFromMemory(new long[ids.Length], [call.Count, length]);
        using var outputs = session.Run(run, Inputs(idTensor, maskTensor, caseTensor, segmentTensor), tensors);
        use([.. outputs], call);
    }

    private Dictionary<string, OrtValue> Inputs(OrtValue ids, OrtValue mask, OrtValue cases, OrtValue segments)
    {
        var inputs = new Dictionary<string, OrtValue> { [manifest.Inputs.Ids] = ids, [manifest.Inputs.Mask] = mask };
        if (manifest.Inputs.Cases is { } caseInput) inputs[caseInput] = cases;
        if (manifest.Inputs.Segments is { } segmentInput) inputs[segmentInput] = segments;
        return inputs;
    }
}
