using System.Diagnostics.Metrics;
using MtlStream.Tasks;

namespace MtlStream.Monitoring;

/// <summary>Counts by bin: of all time, and of the newest events. Not thread-safe.</summary>
/// <remarks>The window moves a tenth of its length at a time: it covers between nine tenths of it and the whole.</remarks>
internal sealed class SlidingCounts(int bins, int window) : ILabelCounts
{
    private const int Slots = 10;

    /// <summary>Least events for a drift score: with fewer, chance alone gives large ones.</summary>
    private const int LeastEvents = 200;

    /// <summary>Below it a share of the reference counts as this much: what was never seen is not news when it comes once.</summary>
    private const double LeastShare = 0.005;

    private readonly long[] _ever = new long[bins];
    private readonly long[] _recent = new long[bins];
    private readonly long[][] _slots = [.. Enumerable.Range(0, Slots).Select(_ => new long[bins])];
    private int _slot, _eventsInSlot, _slotsFilled;
    private long _total; // of the recent ones

    /// <summary>Counts since the start.</summary>
    public ReadOnlySpan<long> Ever => _ever;

    public void Add(int bin)
    {
        _ever[bin]++;
        _recent[bin]++;
        _total++;
        _slots[_slot][bin]++;
    }

    /// <summary>Ends an event, which may have counted several times or not at all.</summary>
    public void EventDone()
    {
        if (++_eventsInSlot < Math.Max(1, window / Slots)) return;
        _eventsInSlot = 0;
        _slot = (_slot + 1) % Slots;
        _slotsFilled = Math.Min(_slotsFilled + 1, Slots - 1);
        var oldest = _slots[_slot];
        for (var i = 0; i < oldest.Length; i++)
        {
            _recent[i] -= oldest[i];
            _total -= oldest[i];
        }

        Array.Clear(oldest);
    }

    /// <summary>Forgets the window, not the totals.</summary>
    public void Clear()
    {
        Array.Clear(_recent);
        _total = 0;
        foreach (var slot in _slots) Array.Clear(slot);
        (_eventsInSlot, _slotsFilled) = (0, 0);
    }

    /// <summary>Adds the stability index of the window against a reference, once enough events are in it.</summary>
    public void Drift(IReadOnlyList<double> reference, List<Measurement<double>> into, params KeyValuePair<string, object?>[] tags)
    {
        if (!HasEnough) return;
        into.Add(new(ReferenceDistribution.StabilityIndex(reference, _recent), tags));
    }

    /// <summary>True when a bin holds more than twice its share of the reference, once enough events are in the window.</summary>
    public bool IsMoreCommon(IReadOnlyList<double> reference, int bin) =>
        HasEnough && (double)_recent[bin] / _total > 2 * Math.Max(reference[bin], LeastShare);

    private bool HasEnough
    {
        get
        {
            var events = (_slotsFilled * Math.Max(1, window / Slots)) + _eventsInSlot;
            return _total > 0 && events >= Math.Min(LeastEvents, window / 2);
        }
    }
}
