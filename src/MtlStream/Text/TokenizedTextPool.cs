using System.Collections.Concurrent;

namespace MtlStream.Text;

/// <summary>Tokenized texts whose owners are done with them, so that tokenizing allocates nothing. Thread-safe.</summary>
/// <param name="maxBytes">Most buffer memory kept; what comes back beyond it is left to the garbage collector.</param>
internal sealed class TokenizedTextPool(int clsId, int sepId, long maxBytes)
{
    private readonly ConcurrentQueue<TokenizedText> _idle = new();
    private long _bytes;

    public TokenizedText Rent()
    {
        if (!_idle.TryDequeue(out var text)) return new TokenizedText(this, clsId, sepId);
        Interlocked.Add(ref _bytes, -text.BufferBytes);
        text.Reset();
        return text;
    }

    public void TakeBack(TokenizedText text)
    {
        var bytes = text.BufferBytes;
        if (Interlocked.Add(ref _bytes, bytes) <= maxBytes) _idle.Enqueue(text);
        else Interlocked.Add(ref _bytes, -bytes);
    }
}
