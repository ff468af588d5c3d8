using MtlStream.Learning.Review;

namespace MtlStream.Tests.Learning;

public sealed class AgreementTests
{
    /// <summary>Krippendorff 2011, "nominal data, any number of observers, missing data": twelve units, four observers.</summary>
    [Fact]
    public void Alpha_of_the_author_s_own_example_is_as_published()
    {
        string[] observers = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."];
        var units = Enumerable.Range(0, 12).Select(u => (IReadOnlyList<string>)[.. observers.Select(o => o[u]).Where(v => v != '.').Select(v => v.ToString())]);

        Assert.Equal(0.743, Agreement.Alpha(units)!.Value, 0.0005);
    }

    [Fact]
    public void All_agree_one_and_chance_is_about_zero()
    {
        Assert.Equal(1, Agreement.Alpha([["a", "a"], ["b", "b"], ["a", "a"]])!.Value, 1e-9);
        var random = new Random(3);
        var chance = Enumerable.Range(0, 4000).Select(_ => (IReadOnlyList<string>)[Toss(), Toss()]);
        Assert.InRange(Agreement.Alpha(chance)!.Value, -0.06, 0.06);

        string Toss() => random.Next(2) == 0 ? "a" : "b";
    }

    [Fact]
    public void Nothing_is_said_where_nobody_answered_the_same_or_all_said_the_same_everywhere()
    {
        Assert.Null(Agreement.Alpha([["a"], ["b"]]));
        Assert.Null(Agreement.Alpha([["a", "a"], ["a", "a"]]));
    }
}
