using MtlStream.Onnx;

namespace MtlStream.Tests.Inference;

public sealed class CallShapeTests
{
    [Fact]
    public void On_a_gpu_every_call_has_a_shape_that_was_warmed_up()
    {
        var shape = CallShape.Gpu(256);
        var warm = shape.WarmUpShapes(256).ToHashSet();

        for (var length = 1; length <= 256; length++)
        {
            var columns = shape.Batch.PadTo(length);
            for (var rows = 1; rows <= shape.RowsAt(columns); rows++)
            {
                var padded = shape.PadRows(rows, columns);
                Assert.Contains((padded, columns), warm);
                Assert.InRange(padded, rows, shape.RowsAt(columns));
                Assert.True(padded * columns <= shape.MaxCallTokens);
            }
        }
    }

    [Fact]
    public void On_a_cpu_a_call_is_one_text_and_nobody_waits_for_company()
    {
        var shape = CallShape.Cpu(256);

        Assert.Equal(1, shape.RowsAt(16));
        Assert.Equal(37, shape.Batch.PadTo(37));
        Assert.False(shape.Batch.GainsFromCompany);
        Assert.All(shape.WarmUpShapes(256), s => Assert.Equal(1, s.Rows));
    }
}
