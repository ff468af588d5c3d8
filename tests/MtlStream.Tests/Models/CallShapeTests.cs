using MtlStream.Onnx;

namespace MtlStream.Tests.Models;

public sealed class CallShapeTests
{
    [Fact]
    public void On_a_gpu_every_call_has_a_shape_that_was_warmed_up()
    {
        var shape = CallShape.Gpu(256);
        var warm = shape.WarmUpShapes(256).ToHashSet();

        for (var length = 1; length <= 256; length++)
        {
            var paddedLength = shape.Batch.PadTo(length);
            for (var sequences = 1; sequences <= shape.SequencesAt(paddedLength); sequences++)
            {
                var padded = shape.PadSequences(sequences, paddedLength);
                Assert.Contains((padded, paddedLength), warm);
                Assert.InRange(padded, sequences, shape.SequencesAt(paddedLength));
                Assert.True(padded * paddedLength <= shape.MaxCallTokens);
            }
        }
    }

    [Theory]
    [InlineData(0, 0, 512, 16_384)]
    [InlineData(0, 4096, 512, 4096)]
    [InlineData(0, 65_536, 2048, 65_536)]
    [InlineData(64, 65_536, 64, 65_536)]
    [InlineData(1024, 0, 1024, 16_384)]
    public void On_a_gpu_the_limits_that_are_asked_for_are_those_of_a_call(int maxRows, int maxPaddedTokens, int sequences, int tokens)
    {
        var shape = CallShape.Gpu(256, new() { MaxRows = maxRows, MaxPaddedTokens = maxPaddedTokens });

        Assert.Equal((sequences, tokens), (shape.Batch.MaxSequences, shape.Batch.MaxPaddedTokens));
        Assert.Equal((sequences, tokens), (shape.MaxCallSequences, shape.MaxCallTokens));
        Assert.All(new[] { 16, 32, 256 }, paddedLength => Assert.Contains((Math.Min(sequences, tokens / paddedLength), paddedLength), shape.WarmUpShapes(256)));
    }

    [Fact]
    public void On_a_gpu_a_call_has_room_for_the_longest_row_whatever_the_limits()
    {
        var shape = CallShape.Gpu(256, new() { MaxPaddedTokens = 64 });

        Assert.Equal(1, shape.SequencesAt(256));
        Assert.All(shape.WarmUpShapes(256), s => Assert.True(s.Sequences * s.PaddedLength <= shape.MaxCallTokens));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void On_a_cpu_a_call_takes_as_many_rows_as_the_package_allows_and_nobody_waits_for_company(int sequences)
    {
        var shape = CallShape.Cpu(256, sequences);

        Assert.Equal(sequences, shape.SequencesAt(16));
        Assert.Equal(sequences, shape.SequencesAt(256));
        Assert.Equal((8, 1024, false), (shape.Batch.MaxSequences, shape.Batch.MaxPaddedTokens, shape.Batch.BenefitsFromBatching));
        Assert.Equal(37, shape.Batch.PadTo(37));
        Assert.Equal(sequences, shape.WarmUpShapes(256).Max(s => s.Sequences));
    }
}
