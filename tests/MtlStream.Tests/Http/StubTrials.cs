using MtlStream.Http.Api;

namespace MtlStream.Tests.Http;

/// <summary>A candidate that has passed its gates, and what is done to it.</summary>
internal sealed class StubTrials : IModelTrials
{
    public List<string> Done { get; } = [];

    public TrialsState? Now { get; set; } = new(
        "1", new("2", "passed", null, 200), new(0.05, 200, 0.25, 1.5), new("3", 0.01, [new("mood", 100, 90)]), CanDecide: false);

    public string? Promote()
    {
        if (Done.Count > 0) return "no candidate is being tried";
        Done.Add("promote");
        return null;
    }

    public string? RollBack()
    {
        Done.Add("roll back");
        return null;
    }
}
