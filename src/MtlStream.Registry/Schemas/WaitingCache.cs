using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using MtlStream.Events;

namespace MtlStream.Registry.Schemas;

/// <summary>What the registry was asked for, by key: kept, or waited for. Bounded. Thread-safe.</summary>
/// <remarks>
/// A key is asked for once however many events carry it, and again, ever more slowly, until the registry answers; whatever the
/// answer is, it ends the wait.
/// </remarks>
/// <param name="fetch">Asks. A <see cref="RegistryTroubleException"/> has it asked again.</param>
/// <param name="keep">How long an answer counts; null for as long as there is room.</param>
internal sealed class WaitingCache<TKey, TValue>(
    Func<TKey, CancellationToken, Task<TValue>> fetch, Func<TValue, TimeSpan?> keep, int most, TimeProvider time, ILogger logger) : IDisposable
    where TKey : notnull
    where TValue : class
{
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<TKey, Entry> _entries = [];
    private readonly CancellationTokenSource _over = new();
    private long _clock; // counts uses

    public int Count => _entries.Count;

    public int Waiting => _entries.Count(e => e.Value.Value is null);

    /// <summary>Why something is waited for longer than one try; null when nothing is.</summary>
    public string? Trouble => _entries.Values.Select(e => e.Value is null ? e.Trouble : null).FirstOrDefault(t => t is not null);

    /// <summary>What is kept; false when it has to be waited for.</summary>
    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value, [NotNullWhen(false)] out NotNow? notNow)
    {
        var entry = _entries.TryGetValue(key, out var found) && !IsOld(found) ? found : Ask(key, found);
        value = entry.Value;
        notNow = value is null ? new(entry.Ended, $"{entry.Trouble ?? "the schema registry has not answered yet"} ({key})") : null;
        if (value is not null) entry.Used = Interlocked.Increment(ref _clock);
        return value is not null;
    }

    public void Dispose()
    {
        _over.Cancel();
        _over.Dispose();
    }

    private bool IsOld(Entry entry) => entry.Value is not null && entry.Until is { } until && time.GetUtcNow() >= until;

    private Entry Ask(TKey key, Entry? old)
    {
        var asked = new Entry();
        var entry = asked;
        if (old is null) entry = _entries.GetOrAdd(key, asked);
        else if (!_entries.TryUpdate(key, asked, old)) entry = _entries.GetOrAdd(key, asked);
        if (!ReferenceEquals(entry, asked)) return entry;
        MakeRoom();
        asked.Begin(() => FetchAsync(key, asked, _over.Token));
        return asked;
    }

    private async Task FetchAsync(TKey key, Entry entry, CancellationToken stopping)
    {
        var delay = s_firstDelay;
        while (true)
        {
            try
            {
                var value = await fetch(key, stopping);
                entry.Until = keep(value) is { } kept ? time.GetUtcNow() + kept : null;
                entry.Value = value;
                return;
            }
            catch (RegistryTroubleException trouble)
            {
                if (entry.Trouble is null) logger.RegistryWaits($"{key}", trouble.Message);
                entry.Trouble = trouble.Message;
            }
            await Task.Delay(delay, time, stopping);
            delay = delay * 2 < s_longestDelay ? delay * 2 : s_longestDelay;
        }
    }

    // What is waited for stays: events wait for it, and it is as bounded as they are.
    private void MakeRoom()
    {
        while (_entries.Count > most)
        {
            var oldest = _entries.Where(e => e.Value.Value is not null).Select(e => (KeyValuePair<TKey, Entry>?)e).MinBy(e => e!.Value.Value.Used);
            if (oldest is not { } found || !_entries.TryRemove(found)) return;
        }
    }

    private sealed class Entry
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public volatile TValue? Value;
        public volatile string? Trouble;

        public Task Ended => _ended.Task;

        public DateTimeOffset? Until { get; set; }

        public long Used { get; set; }

        public void Begin(Func<Task> fetch) => Task.Run(async () =>
        {
            try
            {
                await fetch();
            }
            catch (OperationCanceledException)
            {
                // the worker ends, and gives back what waits
            }
            finally
            {
                _ended.TrySetResult();
            }
        });
    }
}
