using MtlStream.Batching;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Batching;

public sealed class BatchFormerTests
{
    private static readonly BatchShape s_shape = new(MaxSequences: 8, MaxPaddedTokens: 256, LengthGrid: [16, 32, 64, 128]);

    private static BatchFormer Former(params int[] lengths)
    {
        var former = new BatchFormer(s_shape, workers: 1);
        for (var i = 0; i < lengths.Length; i++) former.Add(Make.Sequence(lengths[i]), since: i);
        return former;
    }

    private static int[] Lengths(TokenBatch batch) => [.. batch.Sequences.Select(r => r.Length)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void No_row_is_lost_none_starves_and_no_limit_is_passed_whatever_comes(int seed)
    {
        var random = new Random(seed);
        var former = new BatchFormer(s_shape, workers: 1);
        var waiting = new List<TokenSequence>();
        for (var step = 0; step < 5_000; step++)
        {
            for (var n = random.Next(6); n > 0; n--)
            {
                var sequence = Make.Sequence(random.Next(20) == 0 ? random.Next(65, 129) : random.Next(3, 40));
                former.Add(sequence, step);
                waiting.Add(sequence);
            }

            if (former.Count == 0) continue;
            var batch = former.Form(BatchTrigger.Linger);

            Assert.Contains(waiting[0], batch.Sequences); // the oldest always leaves
            Assert.True(batch.Sequences.Count <= s_shape.MaxSequences);
            Assert.True(batch.Sequences.Count == 1 || batch.Sequences.Count * batch.PaddedLength <= s_shape.MaxPaddedTokens);
            Assert.All(batch.Sequences, r => Assert.True(r.Length <= batch.PaddedLength));
            Assert.Contains(batch.PaddedLength, s_shape.LengthGrid);
            foreach (var sequence in batch.Sequences) Assert.True(waiting.Remove(sequence), "a sequence came out twice");
            Assert.Equal(waiting.Count, former.Count);
        }

        while (former.Count > 0) waiting.RemoveAll(former.Form(BatchTrigger.EndOfInput).Sequences.Contains);
        Assert.Empty(waiting);
    }

    [Fact]
    public void Neighbours_in_length_are_taken_before_those_that_merely_came_earlier()
    {
        var former = Former(30, 3, 100, 29, 31, 28, 32, 30, 30, 30);

        var batch = former.Form(BatchTrigger.Linger);

        Assert.Equal((BatchTrigger.RowLimit, 32), (batch.Trigger, batch.PaddedLength));
        Assert.DoesNotContain(3, Lengths(batch));
        Assert.DoesNotContain(100, Lengths(batch));
    }

    [Fact]
    public void A_long_row_travels_alone_rather_than_widening_short_ones()
    {
        var former = Former(128, 5, 5, 5);

        var batch = former.Form(BatchTrigger.Linger);

        Assert.Equal([128, 5], Lengths(batch)); // 2 x 128 is the budget; a third sequence would pass it
        Assert.Equal(BatchTrigger.TokenBudget, batch.Trigger);
    }

    [Fact]
    public void A_row_too_wide_for_the_budget_does_not_keep_shorter_ones_out()
    {
        var former = Former(30, 30, 30, 100, 10, 10, 10, 10);

        var batch = former.Form(BatchTrigger.Linger);

        Assert.Equal([10, 10, 10, 10, 30, 30, 30], Lengths(batch).Order());
    }

    [Fact]
    public void A_nearer_row_too_wide_for_the_budget_does_not_keep_shorter_ones_out_either()
    {
        var former = Former(60, 60, 60, 70, 10);

        var batch = former.Form(BatchTrigger.Linger);

        Assert.Equal([10, 60, 60, 60], Lengths(batch).Order()); // 4 x 64 is the budget; 70 would need 128 tokens each
    }

    [Fact]
    public void Of_two_rows_equally_far_in_length_the_shorter_one_goes_first()
    {
        var former = Former(10, 10, 10, 10, 10, 10, 10, 15, 5);

        var batch = former.Form(BatchTrigger.Linger);

        Assert.Contains(5, Lengths(batch));
        Assert.DoesNotContain(15, Lengths(batch));
    }

    [Theory]
    [InlineData(0, 256)]
    [InlineData(4, 8)]
    [InlineData(1000, 1000)]
    public void Rows_to_choose_from_are_never_fewer_than_a_batch(int asked, int expected) =>
        Assert.Equal(expected, new BatchFormer(s_shape, workers: 1, asked).Capacity);

    [Fact]
    public void Where_batches_are_large_there_are_four_of_them_to_choose_from() =>
        Assert.Equal(400, new BatchFormer(s_shape with { MaxSequences = 100 }, workers: 1).Capacity);

    [Fact]
    public void A_row_larger_than_the_budget_still_leaves()
    {
        var former = Former(400);

        Assert.Equal([400], Lengths(former.Form(BatchTrigger.Linger)));
    }

    [Fact]
    public void After_the_device_ran_out_of_memory_batches_weigh_half()
    {
        var former = Former(30, 30, 30, 30, 30, 30, 30, 30);

        Assert.True(former.ShrinkBelow(256));

        Assert.Equal(128, former.Budget);
        Assert.Equal(4, former.Form(BatchTrigger.Linger).Sequences.Count);
    }

    [Fact]
    public void A_lack_of_memory_makes_batches_as_small_as_it_asks_for_however_often_it_is_told()
    {
        var former = Former();

        Assert.True(former.ShrinkBelow(250)); // and of the same batches, in flight at that time:
        Assert.False(former.ShrinkBelow(256));
        Assert.False(former.ShrinkBelow(250));
        Assert.False(former.ShrinkBelow(129));
        Assert.Equal(128, former.Budget);

        Assert.True(former.ShrinkBelow(128));
        Assert.Equal(64, former.Budget);
    }

    [Fact]
    public void When_memory_sufficed_for_a_while_batches_weigh_twice_as_much_again_and_never_more_than_at_first()
    {
        var former = Former();
        Assert.True(former.ShrinkBelow(128));
        Assert.Equal(64, former.Budget);

        Assert.Equal(2, RowsOfTheBatchAfter(BatchFormer.RegrowAfter - 1));
        Assert.Equal(4, RowsOfTheBatchAfter(1));
        Assert.Equal(8, RowsOfTheBatchAfter(BatchFormer.RegrowAfter));
        Assert.Equal(8, RowsOfTheBatchAfter(2 * BatchFormer.RegrowAfter));

        int RowsOfTheBatchAfter(int batches)
        {
            for (; batches > 0; batches--)
            {
                former.Add(Make.Sequence(30), 0);
                former.Form(BatchTrigger.Linger);
            }

            for (var i = 0; i < 8; i++) former.Add(Make.Sequence(30), 0);
            var sequences = former.Form(BatchTrigger.Linger).Sequences.Count;
            while (former.Count > 0) former.Form(BatchTrigger.Linger);
            return sequences;
        }
    }

    [Fact]
    public void On_a_device_that_gains_nothing_from_company_waiting_rows_are_shared_out_among_its_lanes()
    {
        var former = new BatchFormer(s_shape with { BenefitsFromBatching = false }, workers: 2);
        for (var i = 0; i < 5; i++) former.Add(Make.Sequence(10), i);

        Assert.True(former.IsReady);
        Assert.Equal(3, former.Form(BatchTrigger.DeviceFree).Sequences.Count);
        Assert.False(new BatchFormer(s_shape with { BenefitsFromBatching = false }, workers: 2).IsReady);
    }

    [Fact]
    public void On_a_device_that_gains_from_company_a_batch_takes_all_it_can_whatever_the_lanes()
    {
        var former = new BatchFormer(s_shape, workers: 2);
        for (var i = 0; i < 8; i++) former.Add(Make.Sequence(10), i);

        Assert.Equal(8, former.Form(BatchTrigger.DeviceFree).Sequences.Count);
    }

    [Fact]
    public void Rows_of_the_same_length_go_before_those_a_little_shorter() =>
        Assert.Equal([30, 30, 30, 30, 30, 30, 30, 30], Lengths(Former(30, 29, 29, 29, 30, 30, 30, 30, 30, 30, 30).Form(BatchTrigger.Linger)));

    [Fact]
    public void Longer_rows_come_along_where_there_are_no_shorter_ones_and_what_closed_the_batch_is_said()
    {
        var batch = Former(10, 12, 15).Form(BatchTrigger.EndOfInput);

        Assert.Equal([10, 12, 15], Lengths(batch));
        Assert.Equal(BatchTrigger.EndOfInput, batch.Trigger);
        Assert.Equal(BatchTrigger.RowLimit, Former(10, 10, 10, 10, 10, 10, 10, 10).Form(BatchTrigger.EndOfInput).Trigger);
        Assert.Equal(BatchTrigger.TokenBudget, Former(128, 128, 128).Form(BatchTrigger.EndOfInput).Trigger);
    }

    [Fact]
    public void A_batch_is_ready_at_the_row_limit_or_the_budget_and_not_before()
    {
        Assert.False(Former(10, 10).IsReady);
        Assert.True(Former(10, 10, 10, 10, 10, 10, 10, 10).IsReady);
        Assert.True(Former(128, 128).IsReady);

        var left = Former(128, 128, 10);
        left.Form(BatchTrigger.Linger);
        Assert.False(left.IsReady);
    }
}
