using MtlStream.Learning.Data;

namespace MtlStream.Tests.Learning;

public sealed class LabelNamesTests
{
    [Theory]
    [InlineData("card_arrival", "card arrival")]
    [InlineData("cardArrival-time", "card arrival time")]
    [InlineData("Refund not showing up?", "refund not showing up")]
    [InlineData("INFO", "info")]
    public void A_name_becomes_words(string label, string words) => Assert.Equal(words, LabelNames.Words(label));

    [Fact]
    public void Names_may_help_where_texts_are_few_and_names_are_words()
    {
        Assert.True(LabelNames.MayHelp(["refund", "delivery"], 20));
        Assert.False(LabelNames.MayHelp(["refund", "delivery"], 101));
        Assert.False(LabelNames.MayHelp(["0", "1"], 20));
    }
}
