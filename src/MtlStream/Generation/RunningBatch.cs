namespace MtlStream.Generation;

/// <summary>Texts that one worker has one model write: they join and leave between steps. Not thread-safe.</summary>
/// <remarks>
/// Only rows that have read equally much share a call, see <see cref="IDecoding"/>. So texts that join are a group of their own,
/// which is stepped until it has caught up with the next one and merges with it: no call is spent on rows that have ended, and
/// calls stay as large as they can be. A group that has waited for long goes first, so that short texts that keep coming hold up
/// no long one.
/// </remarks>
internal sealed class RunningBatch(ISequenceModel model, int maxRows, int maxTokens) : IDisposable
{
    private const int LongestWait = 16; // steps of others

    private readonly List<Group> _groups = [];

    /// <summary>Rows that it works on, or may have to: a text counts all its beams from the start.</summary>
    public int Rows { get; private set; }

    /// <summary>True when so many rows are free that those that join make large calls of their own until they have caught up.</summary>
    public bool HasRoom => Rows * 4 <= maxRows;

    /// <summary>Who joins first: what has waited longest, then what has a source of about the same length, and so ends about when it does.</summary>
    /// <param name="waiting">Oldest first.</param>
    public static IEnumerable<T> Order<T>(IReadOnlyList<T> waiting, Func<T, int> length) =>
        waiting.Take(1).Concat(waiting.Skip(1).OrderBy(one => Math.Abs(length(one) - length(waiting[0]))));

    /// <summary>True when a text may join these others; the first always may.</summary>
    public bool Fits(IReadOnlyList<TextJob> joining, TextJob job)
    {
        var all = _groups.SelectMany(g => g.Jobs).Concat(joining).ToList();
        if (all.Count == 0) return true;
        all.Add(job);
        var rows = all.Sum(j => j.Beams);
        var longest = all.Max(j => j.Source.Length); // others are padded to it
        return rows <= maxRows && all.Sum(j => (long)j.Beams * j.Limit) + ((long)rows * longest) <= maxTokens;
    }

    /// <summary>Takes texts in and encodes their sources. What the model refuses has failed.</summary>
    public void Join(IReadOnlyList<TextJob> jobs)
    {
        if (jobs.Count == 0) return;
        try
        {
            _groups.Add(new(model.Begin([.. jobs.Select(j => j.Source)]), [.. jobs]));
            Rows += jobs.Sum(j => j.Beams);
        }
        catch (Exception exception) when (IsTheTexts(exception))
        {
            if (jobs.Count == 1)
            {
                jobs[0].Failure = exception;
                return;
            }

            var half = jobs.Count / 2;
            Join([.. jobs.Take(half)]);
            Join([.. jobs.Skip(half)]);
        }
    }

    /// <summary>One call of the decoder: a token more for the texts of one group.</summary>
    /// <returns>Rows of the call; 0 when there was nothing to do.</returns>
    public int Step()
    {
        if (_groups.Count == 0) return 0;
        var group = _groups.MaxBy(g => g.Waited)!;
        if (group.Waited < LongestWait) group = _groups.MinBy(g => g.Steps)!;
        foreach (var other in _groups) other.Waited++;
        group.Waited = 0;
        var rows = group.Decoding.Rows;
        Span<float> scores;
        try
        {
            scores = group.Decoding.Read([.. group.Jobs.SelectMany(j => j.Search.Last)]);
        }
        catch (Exception exception) when (IsTheTexts(exception))
        {
            Refused(group, exception);
            return rows;
        }

        group.Steps++;
        Advance(group, scores);
        Merge(group);
        return rows;
    }

    /// <summary>Drops what is not ended.</summary>
    public void Dispose()
    {
        foreach (var group in _groups) group.Decoding.Dispose();
        _groups.Clear();
        Rows = 0;
    }

    private static bool IsTheTexts(Exception exception) => exception is not (OperationCanceledException or ObjectDisposedException);

    private void Advance(Group group, Span<float> scores)
    {
        var kept = new List<int>();
        var row = 0;
        foreach (var job in group.Jobs)
        {
            var rows = job.Search.Last.Count;
            try
            {
                job.Search.Advance(scores.Slice(row * model.Vocabulary, rows * model.Vocabulary));
                foreach (var parent in job.Search.Parents) kept.Add(row + parent);
            }
            catch (Exception exception) when (IsTheTexts(exception))
            {
                job.Failure = exception; // its own: the others' rows are numbers
            }

            row += rows;
        }

        Keep(group, kept, row);
    }

    /// <summary>Lets go of the texts that are over, and puts the rows of the others in their order.</summary>
    private void Keep(Group group, List<int> kept, int rows)
    {
        LetGo(group);
        if (group.Jobs.Count == 0 || kept.SequenceEqual(Enumerable.Range(0, rows))) return;
        try
        {
            group.Replace(group.Decoding.Choose([.. kept]));
        }
        catch (Exception exception) when (IsTheTexts(exception))
        {
            foreach (var job in group.Jobs) job.Failure = exception; // their rows are not where they should be
            LetGo(group);
        }
    }

    private void LetGo(Group group)
    {
        Rows -= group.Jobs.Where(j => j.IsOver).Sum(j => j.Beams);
        group.Jobs.RemoveAll(j => j.IsOver);
        if (group.Jobs.Count > 0) return;
        _groups.Remove(group);
        group.Decoding.Dispose();
    }

    private void Merge(Group group)
    {
        if (group.Alone || group.Jobs.Count == 0) return;
        if (_groups.Find(g => g != group && g.Steps == group.Steps && !g.Alone) is not { } other) return;
        try
        {
            other.Replace(other.Decoding.Join(group.Decoding));
        }
        catch (Exception exception) when (IsTheTexts(exception))
        {
            group.Alone = true; // no room for both: they go on side by side
            return;
        }

        other.Jobs.AddRange(group.Jobs);
        _groups.Remove(group);
        group.Decoding.Dispose();
    }

    /// <summary>Halves a group that the model refused, until the text that is to blame is alone.</summary>
    private void Refused(Group group, Exception exception)
    {
        _groups.Remove(group);
        if (group.Jobs.Count == 1)
        {
            group.Jobs[0].Failure = exception;
            Rows -= group.Jobs[0].Beams;
        }
        else
        {
            var half = group.Jobs.Count / 2;
            var rows = group.Jobs.Take(half).Sum(j => j.Search.Last.Count);
            Split(group, group.Jobs[..half], 0, rows);
            Split(group, group.Jobs[half..], rows, group.Decoding.Rows - rows);
        }

        group.Decoding.Dispose();
    }

    private void Split(Group group, List<TextJob> jobs, int first, int rows)
    {
        try
        {
            _groups.Add(new(group.Decoding.Choose([.. Enumerable.Range(first, rows)]), jobs) { Steps = group.Steps, Alone = true });
        }
        catch (Exception exception) when (IsTheTexts(exception))
        {
            foreach (var job in jobs) job.Failure = exception;
            Rows -= jobs.Sum(j => j.Beams);
        }
    }

    private sealed class Group(IDecoding decoding, List<TextJob> jobs)
    {
        public IDecoding Decoding { get; private set; } = decoding;
        public List<TextJob> Jobs { get; } = jobs;
        public int Steps { get; set; }

        /// <summary>Steps of others since its last one.</summary>
        public int Waited { get; set; }

        /// <summary>Part of one that the model refused: it merges with no other, which might be refused again.</summary>
        public bool Alone { get; set; }

        public void Replace(IDecoding other)
        {
            Decoding.Dispose();
            Decoding = other;
        }
    }
}
