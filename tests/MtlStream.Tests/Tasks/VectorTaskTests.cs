using System.Text;
using System.Text.Json;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Tasks;
using MtlStream.Tests.Models;
using MtlStream.Text;

namespace MtlStream.Tests.Tasks;

public sealed class VectorTaskTests
{
    private static readonly VectorTask s_task = new("embedding", 4);

    [Fact]
    public void Numbers_are_written_with_six_decimals_and_the_length()
    {
        Assert.Equal("""{"vector":[0.5,-0.5,0.123457,0.0],"norm":1.0}""", Written([0.5f, -0.5f, 0.12345678f, 0], new()));
    }

    [Fact]
    public void Whole_numbers_times_the_scale_are_the_vector()
    {
        float[] vector = [0.7f, -0.7f, 0.1f, 0.1f];

        using var json = JsonDocument.Parse(Written(vector, new(ByteVectors: true)));

        var scale = json.RootElement.GetProperty("scale").GetSingle();
        var whole = json.RootElement.GetProperty("vector").EnumerateArray().Select(e => e.GetInt32()).ToList();
        Assert.Equal([127, -127, 18, 18], whole);
        for (var i = 0; i < vector.Length; i++) Assert.Equal(vector[i], whole[i] * scale, scale);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(0.5f)]
    public void A_vector_that_is_not_of_length_one_is_an_error_of_the_model(float element)
    {
        using var text = Text(2);

        var error = s_task.ValidationError(new(s_task, [element, 0, 0, 0], 4), text);

        Assert.Contains("embedding", error, StringComparison.Ordinal);
        Assert.Null(s_task.ValidationError(new(s_task, [0, 0, -1, 0], 4), text));
    }

    [Fact]
    public void The_vector_of_a_long_text_is_the_mean_of_its_windows_and_of_length_one()
    {
        using var text = new TokenizedText([.. Enumerable.Range(0, 4).Select(i => new Token(10, i, i + 1, 0, true))], [], [new(0, 2), new(2, 2)], 2, 3);
        using var merge = new WindowMerge(text);
        using var said = new Predictions([s_task], 2, 4);
        Span<float> first = [1, 0, 0, 0];
        Span<float> second = [0, 1, 0, 0];
        first.CopyTo(said.Of(0, 0).Floats());
        second.CopyTo(said.Of(0, 1).Floats());

        merge.Add(0, said, 0);
        merge.Add(1, said, 1);

        var half = 1 / MathF.Sqrt(2);
        Assert.Equal([half, half, 0, 0], merge.Merged.Of(0, 0).Floats().ToArray());
    }

    [Fact]
    public void It_is_left_out_unless_it_is_asked_for()
    {
        using var package = new ToyPackage().Edit(m => m["tasks"]!.AsArray().Add(
            JsonSerializer.SerializeToNode(new { name = "embedding", kind = "vector", size = 4, outputs = new { vector = "traits.probabilities" } })));
        var manifest = package.Manifest();

        Assert.DoesNotContain("embedding", manifest.Select("").Select(t => t.Task.Name));
        Assert.Equal(["embedding"], manifest.Select("embedding").Select(t => t.Task.Name));
        Assert.Equal("embedding", manifest.Select("", onRequest: true)[^1].Task.Name);
    }

    private static string Written(float[] vector, AnswerDetail detail)
    {
        using var text = Text(2);
        var output = Utf8Buffer.ForThisThread();
        s_task.Write(new(s_task, vector, 4), new("ab".AsSpan(), text), detail, output);
        return Encoding.UTF8.GetString(output.Written);
    }

    private static TokenizedText Text(int tokens) =>
        TokenizedText.Of([.. Enumerable.Range(0, tokens).Select(i => new Token(10, i, i + 1, 0, true))], 2, 3);
}
