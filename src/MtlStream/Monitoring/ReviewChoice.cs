namespace MtlStream.Monitoring;

/// <summary>Why a person should look at an event, and how likely it was that it would be chosen.</summary>
/// <param name="Unsure">Tasks below their limit and their confidence, such as <c>sentiment=0.4100</c>; empty for none.</param>
/// <param name="Drifted">True when something about the event has become more common than in the reference.</param>
/// <param name="Probability">Of being chosen; null when some events had no chance, so that nothing follows for the stream.</param>
public sealed record ReviewChoice(string Unsure, bool Drifted, double? Probability)
{
    /// <summary><c>uncertain</c>, <c>drifted</c> or both with a comma between; <c>random</c> where it is neither.</summary>
    public string Reasons => (Unsure.Length > 0, Drifted) switch
    {
        (true, true) => "uncertain,drifted",
        (true, false) => "uncertain",
        (false, true) => "drifted",
        _ => "random",
    };
}

/// <summary>Draws events for review, each with a probability that is known: Poisson sampling over three strata that may overlap.</summary>
/// <remarks>
/// The shares are those of independent draws, so an event that several strata hold has 1 - (1 - a)(1 - b) of being in one of them. What
/// is drawn estimates the quality on the stream when each event counts for 1 / probability: Horvitz and Thompson 1952.
/// </remarks>
internal sealed class ReviewDraw(WatchOptions options)
{
    /// <summary>Whether a person may be asked about anything.</summary>
    public bool IsOn => options.AsksForReview;

    /// <summary>Whether it matters if an event is drifted.</summary>
    public bool AsksForDrifted => options.ReviewDrifted > 0;

    /// <param name="number">The event's own, from 0 to below 1: it is drawn when it lies below the probability.</param>
    /// <returns>Null when it is not drawn.</returns>
    public ReviewChoice? Choose(string unsure, bool drifted, double number)
    {
        var missed = 1 - options.ReviewRandom;
        if (unsure.Length > 0) missed *= 1 - options.ReviewShare;
        if (drifted) missed *= 1 - options.ReviewDrifted;
        var probability = 1 - missed;
        if (number >= probability) return null;
        return new(unsure, drifted, options.ReviewRandom > 0 ? probability * options.Share : null);
    }
}
