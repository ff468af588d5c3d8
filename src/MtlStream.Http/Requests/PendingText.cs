using MtlStream.Events;

namespace MtlStream.Http.Requests;

/// <summary>One text or event of a request that waits for its answer.</summary>
/// <param name="isText">The bytes are the text itself, not an event with a text in it.</param>
internal sealed class PendingText(byte[] payload, bool isText, IReadOnlyList<EventHeader> headers)
{
    private readonly TaskCompletionSource<OutboundRecord> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public byte[] Payload { get; } = payload;

    public bool IsText { get; } = isText;

    public IReadOnlyList<EventHeader> Headers { get; } = headers;

    /// <summary>The result or the dead letter. Cancelled when the worker stops before there is one.</summary>
    public Task<OutboundRecord> Answer => _answer.Task;

    public void Answered(OutboundRecord record) => _answer.TrySetResult(record);

    public void GiveUp() => _answer.TrySetCanceled();
}
