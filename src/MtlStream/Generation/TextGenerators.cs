using System.Diagnostics.Metrics;
using MtlStream.Text;

namespace MtlStream.Generation;

/// <summary>The models that write texts, by the names that events ask for. Owns them. Thread-safe.</summary>
public sealed class TextGenerators : IDisposable
{
    /// <summary>Header of an event: names of the texts that it is to get, separated by commas, or <see cref="Nothing"/>.</summary>
    public const string Header = "mtlstream.generate";

    /// <summary>In place of names: no text.</summary>
    public const string Nothing = "none";

    private readonly ReaderWriterLockSlim _use = new();
    private readonly List<TextGenerator> _all;
    private readonly IReadOnlyList<int> _always;
    private bool _disposed;

    /// <param name="always">Names of the texts that every event gets that does not say otherwise, separated by commas.</param>
    /// <exception cref="UsageException">There is no such model.</exception>
    internal TextGenerators(IReadOnlyList<TextGenerator> all, string always, GenerationOptions options, IMeterFactory meters)
    {
        _all = [.. all];
        Options = options;
        Metrics = new(meters, Names);
        if (Choose(always, out var unknown) is { } chosen) _always = chosen;
        else throw new UsageException($"Model:Generate: there is no generator {unknown}{Nearest.Suggest(unknown, Names)}");
    }

    /// <summary>Names of the texts that there can be.</summary>
    public IReadOnlyList<string> Names => [.. _all.Select(g => g.Name)];

    internal GenerationOptions Options { get; }

    internal GenerationMetrics Metrics { get; }

    internal TextGenerator this[int index] => _all[index];

    internal int Count => _all.Count;

    /// <summary>The models that an event asks for; null for an unknown one.</summary>
    /// <param name="header">What its header says; null where it has none.</param>
    internal IReadOnlyList<int>? AskedFor(string? header, out string unknown)
    {
        unknown = "";
        return header is null ? _always : Choose(header, out unknown);
    }

    /// <summary>Lets one call of a model begin, which <see cref="EndCall"/> ends: until then no model is disposed.</summary>
    /// <exception cref="ObjectDisposedException">They are gone.</exception>
    internal void BeginCall()
    {
        _use.EnterReadLock();
        if (!_disposed) return;
        _use.ExitReadLock();
        throw new ObjectDisposedException(nameof(TextGenerators));
    }

    internal void EndCall() => _use.ExitReadLock();

    public void Dispose()
    {
        _use.EnterWriteLock();
        try
        {
            if (_disposed) return;
            _disposed = true;
            foreach (var one in _all) one.Dispose();
        }
        finally
        {
            _use.ExitWriteLock();
        }
    }

    private List<int>? Choose(string names, out string unknown)
    {
        unknown = "";
        var chosen = new List<int>();
        foreach (var name in names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (name == Nothing) continue;
            var index = _all.FindIndex(g => g.Name == name);
            if (index < 0)
            {
                unknown = name;
                return null;
            }

            if (!chosen.Contains(index)) chosen.Add(index);
        }

        return chosen;
    }
}
