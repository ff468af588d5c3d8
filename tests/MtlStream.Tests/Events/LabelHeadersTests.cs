using System.Text;
using MtlStream.Events;
using static MtlStream.Tests.Events.Codec;

namespace MtlStream.Tests.Events;

public sealed class LabelHeadersTests
{
    private static readonly OutputOptions s_asked = new() { LabelHeaders = true };

    [Fact]
    public void Labels_of_the_whole_text_are_headers_on_request_and_no_label_is_no_header()
    {
        var result = Encode(Decode("""{"text":"x"}"""), s_asked);

        Assert.Equal(["mtlstream.sentiment: positive", "mtlstream.emotion: fear|joy"], Shown(result)); // intent is below its threshold
    }

    [Fact]
    public void They_take_the_place_of_those_of_an_earlier_run_and_leave_all_others()
    {
        EventHeader[] before = [Header("trace", "1"), Header("mtlstream.sentiment", "negative"), Header("mtlstream.intent", "order")];

        var result = Encode(Decode("""{"text":"x"}""", headers: before), s_asked);

        Assert.Equal(["trace: 1", "mtlstream.sentiment: positive", "mtlstream.emotion: fear|joy"], Shown(result));
    }

    [Fact]
    public void Without_the_request_headers_stay_as_they_are()
    {
        var result = Encode(Decode("""{"text":"x"}""", headers: Header("mtlstream.sentiment", "negative")), new OutputOptions());

        Assert.Equal(["mtlstream.sentiment: negative"], Shown(result));
    }

    private static IEnumerable<string> Shown(OutboundRecord record) => record.Headers.Select(h => $"{h.Key}: {Encoding.UTF8.GetString(h.Value!)}");
}
