using MtlStream.Delivery;
using MtlStream.Events;

namespace MtlStream.Host.Lines;

/// <summary>Writes results in their format, and rejected lines as <c>dead-letter.v1</c> JSON. Does not own the streams.</summary>
internal sealed class LineSink : IOutboundSink, IDisposable
{
    private const int BrokenPipe = 32; // EPIPE, which is where .NET leaves it

    private static readonly TimeSpan s_flushInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_letGo = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Stream _results;
    private readonly Stream _rejects;
    private readonly ResultFormat _format;
    private readonly ITimer _flushing;
    private readonly Dictionary<RejectionReason, long> _reasons = [];
    private bool _unflushed;
    private bool _begun;

    /// <param name="format">Of the results; null for JSON lines.</param>
    public LineSink(Stream results, Stream rejects, TimeProvider time, ResultFormat? format = null)
    {
        _format = format ?? new JsonLines();
        _results = new BufferedStream(results, 1 << 16);
        _rejects = new BufferedStream(rejects, 1 << 12);
        // Whoever waits at the other end of a pipe sees a result soon, and a file is not written line by line.
        _flushing = time.CreateTimer(_ => FlushQuietly(TimeSpan.Zero), null, s_flushInterval, s_flushInterval);
    }

    public long Enriched { get; private set; }
    public long Rejected { get; private set; }

    /// <summary>Events that were passed on or dropped because they have no text.</summary>
    public long WithoutText { get; private set; }

    /// <summary>How many were rejected for which reason, the most frequent first.</summary>
    public IReadOnlyList<(RejectionReason Reason, long Count)> Reasons
    {
        get { lock (_gate) return [.. _reasons.OrderByDescending(r => r.Value).Select(r => (r.Key, r.Value))]; }
    }

    /// <summary>True when whoever reads the results went away.</summary>
    public bool ReaderGone { get; private set; }

    public ValueTask PublishAsync(OutboundRecord record, PublishReport reported, CancellationToken abort)
    {
        lock (_gate)
        {
            if (record.Destination == Destination.DeadLetters)
            {
                var letter = DeadLetterLine.Of(record);
                _rejects.Write(letter.ToJson());
                _rejects.WriteByte((byte)'\n');
                _reasons[letter.Reason] = _reasons.GetValueOrDefault(letter.Reason) + 1;
                Rejected++;
            }
            else if (record.Destination == Destination.Results)
            {
                Write(() => _format.Write(record, _results));
                if (!record.WithoutText) Enriched++;
            }

            if (record.WithoutText) WithoutText++;
            _unflushed = true;
        }

        reported(record, PublishOutcome.Durable);
        return ValueTask.CompletedTask;
    }

    public Task FlushAsync(CancellationToken abort)
    {
        lock (_gate) Flush();
        return Task.CompletedTask;
    }

    /// <summary>Writes what stands behind the last result, after a run that did not fail.</summary>
    /// <exception cref="IOException">The output cannot be written any more.</exception>
    public void Complete()
    {
        lock (_gate)
        {
            Write(() => _format.End(_results));
            _unflushed = true;
            Flush();
        }
    }

    /// <summary>Writes out what a run that failed has left, so that no line is torn; gives up where one that is being written does not come back.</summary>
    public void Dispose()
    {
        _flushing.Dispose();
        FlushQuietly(s_letGo);
    }

    private void Write(Action write)
    {
        try
        {
            if (!_begun) _format.Begin(_results);
            _begun = true;
            write();
        }
        catch (IOException exception)
        {
            ReaderGone = exception.HResult == BrokenPipe;
            throw;
        }
    }

    private void Flush()
    {
        if (!_unflushed) return;
        try
        {
            _results.Flush();
        }
        catch (IOException exception)
        {
            ReaderGone = exception.HResult == BrokenPipe;
            throw;
        }
        finally
        {
            _rejects.Flush(); // wherever the results went
        }

        _unflushed = false;
    }

    /// <param name="wait">How long to wait for a write that is going on: where nobody reads, it does not end.</param>
    private void FlushQuietly(TimeSpan wait)
    {
        if (!_gate.TryEnter(wait)) return;
        try
        {
            Flush();
        }
        catch (IOException)
        {
            // The next line or the end meets the same error where it can be reported.
        }
        finally
        {
            _gate.Exit();
        }
    }
}
