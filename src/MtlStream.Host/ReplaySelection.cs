using MtlStream.Kafka;

namespace MtlStream.Host;

/// <summary>Chooses the letters that a replay sends, and counts those that it leaves out.</summary>
/// <param name="again">Take also what was replayed before.</param>
internal sealed class ReplaySelection(bool again)
{
    private readonly List<StoredLetter> _bare = [];
    private readonly List<StoredLetter> _replayed = [];

    public bool Takes(StoredLetter stored)
    {
        if (stored.Letter.Missing is not null) _bare.Add(stored);
        else if (stored.Replayed is not null && !again) _replayed.Add(stored);
        else return true;
        return false;
    }

    /// <summary>What was left out and why, for people.</summary>
    public IEnumerable<string> Lines
    {
        get
        {
            if (_bare is [var bare, ..])
            {
                yield return "letters skipped because the topic had no room for their payloads: "
                    + $"{_bare.Count}, the first at {bare.Partition}:{bare.Offset}. list says where each event was.";
            }

            if (_replayed is [var replayed, ..])
            {
                yield return "letters skipped because they were replayed before: "
                    + $"{_replayed.Count}, the first at {replayed.Partition}:{replayed.Offset}. --again takes them too.";
            }
        }
    }
}
