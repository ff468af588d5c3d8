using System.Threading.Channels;
using MtlStream.Events;

namespace MtlStream;

/// <summary>Unpacks compressed payloads in source order, and lets through what there is room for: a few bytes may become millions.</summary>
/// <remarks>
/// What it holds back comes behind all that it has let through, and so can hold up nothing of that: each is answered, and its bytes
/// are given back, without anything behind it.
/// </remarks>
/// <param name="giveBack">From then on nothing is worked on any more: what comes goes on as it is.</param>
internal sealed class UnpackWorker(EventDecoder decoder, ByteBudget budget, CancellationToken giveBack)
{
    public async Task RunAsync(
        ChannelReader<IReadOnlyList<SourceRecord>> received, ChannelWriter<IReadOnlyList<SourceRecord>> unpacked, CancellationToken abort)
    {
        await foreach (var chunk in received.ReadAllAsync(abort))
        {
            List<SourceRecord>? changed = null;
            for (var i = 0; i < chunk.Count; i++)
            {
                if (giveBack.IsCancellationRequested || Unpack(chunk[i]) is not { } record)
                {
                    changed?.Add(chunk[i]);
                    continue;
                }
                changed ??= [.. chunk.Take(i)];
                if (!budget.TryTake(record.UnpackedBytes))
                {
                    if (changed.Count > 0) await unpacked.WriteAsync(changed, abort);
                    changed = [];
                    if (!await HasRoomAsync(record.UnpackedBytes, abort)) record = chunk[i];
                }
                changed.Add(record);
            }
            await unpacked.WriteAsync(changed ?? chunk, abort);
        }
    }

    /// <summary>Waits for room; false when there is no use for it any more.</summary>
    private async Task<bool> HasRoomAsync(long bytes, CancellationToken abort)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(giveBack, abort);
        try
        {
            await budget.TakeAsync(bytes, ends.Token);
            return true;
        }
        catch (OperationCanceledException) when (!abort.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Null where nothing is packed, or cannot be unpacked: decoding says why.</summary>
    private SourceRecord? Unpack(SourceRecord record)
    {
        try
        {
            return decoder.Unpack(record) is { } bytes ? record with { Unpacked = bytes } : null;
        }
        catch (Exception bug) when (EventBoundary.IsBug(bug))
        {
            return null; // decoding meets it again, and answers it
        }
    }
}
