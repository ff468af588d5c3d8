using System.Text;
using Confluent.Kafka;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka.Diagnosis;

namespace MtlStream.Tests.Kafka;

public sealed class InputSampleTests
{
    [Fact]
    public void Events_that_can_be_read_are_no_trouble()
    {
        Assert.Equal(Severity.Ok, Find(new(), "{\"text\":\"a cat\"}", "{\"text\":\"a dog\"}")!.Severity);
        Assert.Null(Find(new()));
    }

    [Theory]
    [InlineData("{\"id\":\"8f1c\",\"body\":\"A quiet word about the weather.\"}", "/body")]
    [InlineData("{\"author\":\"Ann Lee\",\"payload\":{\"comment\":{\"raw/text\":\"Never buy it again, I beg you.\"}}}", "/payload/comment/raw~1text")]
    [InlineData("{\"text\":17,\"title\":\"Short one\",\"review\":\"Something longer than its title.\"}", "/review")]
    [InlineData("{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"/s\",\"data\":{\"msg\":\"hello over there\"}}", "/msg")]
    public void Where_no_event_has_its_text_the_pointer_to_it_is_proposed(string payload, string place)
    {
        var finding = Find(new(), payload, payload, payload)!;

        Assert.Equal(Severity.Failure, finding.Severity);
        Assert.Contains($"Set Input:TextPointer to where the text is: {place}", finding.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"\\ud800\":1,\"body\":\"A quiet word about the weather.\"}")]
    [InlineData("{\"cut\":\"\\ud83d\",\"body\":\"A quiet word about the weather.\"}")]
    [InlineData("{\"body\":\"A quiet word about the weather. \",\"in\":{\"\\udc00\":\"\\udc00\"}}")]
    public void Halves_of_surrogate_pairs_keep_nobody_from_looking(string payload)
    {
        var finding = Find(new(), payload, payload, payload)!;

        Assert.Contains("/body", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void An_event_that_trips_a_bug_is_counted_as_the_worker_would()
    {
        var record = new Message<byte[]?, byte[]?> { Value = "{}"u8.ToArray() };

        var finding = new InputSample(new(), new BuggyCodec()).Find([record, record, record])!;

        Assert.Contains("internal_error 3", finding.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void No_text_of_an_event_is_quoted()
    {
        var finding = Find(new(), "{\"body\":\"my secret diary\"}", "my secret diary", "{\"text\":\"\"}")!;

        Assert.DoesNotContain("secret", finding.Found + finding.Remedy, StringComparison.Ordinal);
        Assert.Contains("missing_text 1", finding.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void Plain_text_and_a_few_rejected_events_are_told_apart_from_a_wrong_setting()
    {
        Assert.Contains("Input:Format=Text", Find(new(), "plain words", "and more", "of them")!.Remedy, StringComparison.Ordinal);
        Assert.Equal(Severity.Warning, Find(new(), "{\"text\":\"a cat\"}", "{}")!.Severity);
        Assert.Equal(Severity.Ok, Find(new(), [.. Enumerable.Repeat("{\"text\":\"a cat\"}", 19), "{}"])!.Severity);
    }

    [Fact]
    public void A_few_partitions_of_every_topic_are_chosen()
    {
        var partitions = Enumerable.Range(0, 30).Select(p => new PartitionProgress("a", p, 0, 9, null)).Append(new("b", 0, 0, 9, null)).Append(new("c", 0, 9, 9, null));

        var chosen = InputSample.Choose(partitions).ToList();

        Assert.Equal(10, chosen.Count);
        Assert.Contains(chosen, p => p.Topic == "b");
        Assert.DoesNotContain(chosen, p => p.Topic == "c");
    }

    private sealed class BuggyCodec : PayloadCodec
    {
        public override bool TryDecode(in Payload payload, out Decoding decoding) => throw new InvalidOperationException("a bug");

        public override byte[] Answer(TextEvent decoded, in Analysis analysis) => [];
    }

    private static Finding? Find(InputOptions input, params string[] payloads) => new InputSample(input).Find(
        [.. payloads.Select(p => new Message<byte[]?, byte[]?> { Value = Encoding.UTF8.GetBytes(p) })]);
}
