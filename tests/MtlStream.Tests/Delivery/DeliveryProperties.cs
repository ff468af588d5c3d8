using FsCheck.Fluent;
using FsCheck;
using MtlStream.Batching;
using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Kafka;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Delivery;

/// <summary>What must hold for every input; FsCheck looks for one for which it does not, and shrinks it.</summary>
public sealed class DeliveryProperties
{
    private static readonly Config s_thorough = Config.QuickThrowOnFailure.WithMaxTest(500);

    /// <summary>Offsets to receive as gaps, and for each event when it acknowledges and whether it was dropped.</summary>
    [Fact]
    public void The_committable_offset_is_the_acknowledged_prefix_before_the_first_dropped_event()
    {
        var events = Gen.Choose(1, 5).Zip(Gen.Choose(0, 1000)).Zip(Gen.Frequency((9, Gen.Constant(false)), (1, Gen.Constant(true))))
            .Select(e => (Gap: e.Item1.Item1, AcknowledgesAt: e.Item1.Item2, Dropped: e.Item2)).ArrayOf();

        Check.One(s_thorough, Prop.ForAll(events.ToArbitrary(), given =>
        {
            var committable = new CommittableOffset();
            var offsets = new List<long>();
            foreach (var (gap, _, _) in given)
            {
                offsets.Add((offsets.Count == 0 ? 0 : offsets[^1]) + gap);
                committable.Receive(offsets[^1], gap);
            }

            var acknowledged = new bool[given.Length];
            var bytes = 0;
            foreach (var index in Enumerable.Range(0, given.Length).OrderBy(i => given[i].AcknowledgesAt))
            {
                if (given[index].Dropped) committable.Drop(index);
                bytes += committable.Acknowledge(index);
                acknowledged[index] = true;

                var prefix = 0;
                while (prefix < given.Length && acknowledged[prefix] && !given[prefix].Dropped) prefix++;
                if (committable.Committable != (prefix == 0 ? null : offsets[prefix - 1] + 1)) return false;
                if (committable.Unacknowledged != acknowledged.Count(s => !s)) return false;
            }

            return bytes == given.Sum(e => e.Gap);
        }));
    }

    /// <summary>Records of two partitions finish in any order; at some point both are assigned anew.</summary>
    [Fact]
    public void The_sequencer_lets_every_record_out_once_in_order_or_drops_it_with_its_assignment()
    {
        var finishing = Gen.Choose(0, 1000).ArrayOf();

        Check.One(s_thorough, Prop.ForAll(finishing.ToArbitrary(), moments =>
        {
            var records = moments.Select((moment, i) => (moment, Record: Make.Record(i / 4, partition: i % 2, assignment: 1 + i / 2 % 2)))
                .OrderBy(r => r.moment).Select(r => r.Record).ToList();
            var dropped = new List<SourcePosition>();
            var sequencer = new Sequencer(given => dropped.Add(given.Position));
            var ready = new List<OutboundRecord>();
            foreach (var record in records) sequencer.Add(Make.Outbound(record), ready);

            var left = ready.Select(r => r.Source.Position).ToList();
            var inOrder = left.GroupBy(p => p.Partition).All(p =>
                p.Zip(p.Skip(1)).All(n => n.First.Assignment < n.Second.Assignment || (n.First.Assignment == n.Second.Assignment && n.First.Sequence + 1 == n.Second.Sequence)));
            return inOrder && left.Concat(dropped).Distinct().Count() == records.Count && left.Count + dropped.Count == records.Count && sequencer.Waiting == 0;
        }));
    }

    [Fact]
    public void The_batch_former_loses_no_row_and_passes_no_limit()
    {
        var shapes = Gen.Choose(1, 16).Zip(Gen.Choose(128, 1024)).Select(s => new BatchShape(s.Item1, s.Item2, [16, 32, 64, 128]));
        var lengths = Gen.Choose(3, 128).ArrayOf();

        Check.One(s_thorough, Prop.ForAll(shapes.Zip(lengths).ToArbitrary(), given =>
        {
            var (shape, sequences) = given;
            var former = new BatchFormer(shape, workers: 1);
            var waiting = new List<TokenSequence>();
            for (var i = 0; i < sequences.Length; i++)
            {
                waiting.Add(Make.Sequence(sequences[i]));
                former.Add(waiting[^1], since: i);
            }

            while (former.Count > 0)
            {
                var batch = former.Form(BatchTrigger.Linger);
                if (batch.Sequences.Count > shape.MaxSequences || batch.Sequences.Any(r => r.Length > batch.PaddedLength)) return false;
                if (batch.Sequences.Count > 1 && batch.Sequences.Count * batch.PaddedLength > shape.MaxPaddedTokens) return false;
                if (!batch.Sequences.Contains(waiting[0])) return false; // the oldest always leaves
                if (batch.Sequences.Any(r => !waiting.Remove(r))) return false;
            }

            return waiting.Count == 0;
        }));
    }
}
