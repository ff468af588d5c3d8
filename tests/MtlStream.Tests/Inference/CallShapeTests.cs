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

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void On_a_cpu_a_call_takes_as_many_rows_as_the_package_allows_and_nobody_waits_for_company(int rows)
    {
        var shape = CallShape.Cpu(256, rows);

        Assert.Equal(rows, shape.RowsAt(16));
        Assert.Equal(rows, shape.RowsAt(256));
        Assert.Equal((8, 1024, false), (shape.Batch.MaxRows, shape.Batch.MaxPaddedTokens, shape.Batch.GainsFromCompany));
        Assert.Equal(37, shape.Batch.PadTo(37));
        Assert.Equal(rows, shape.WarmUpShapes(256).Max(s => s.Rows));
    }
}
