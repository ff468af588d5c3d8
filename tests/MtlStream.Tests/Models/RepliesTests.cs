using System.Text;
using System.Text.Json;
using MtlStream.Json;
using MtlStream.Models;
using MtlStream.Onnx;
using MtlStream.Tasks;
using MtlStream.Tests.Diagnostics;
using MtlStream.Text;
using Microsoft.Extensions.Logging.Abstractions;

namespace MtlStream.Tests.Models;

public sealed class RepliesTests : IDisposable
{
    private readonly ToyPackage _package = new ToyPackage().RankReplies();
    private readonly MeterRecorder _meters = new();
    private readonly string _list = Path.Combine(Directory.CreateTempSubdirectory("mtlstream-").FullName, "replies.jsonl");

    public void Dispose()
    {
        _package.Dispose();
        _meters.Dispose();
        Directory.Delete(Path.GetDirectoryName(_list)!, recursive: true);
    }

    [Fact]
    public void The_reply_whose_vector_is_nearest_is_given_and_vectors_are_made_at_the_start()
    {
        File.WriteAllLines(_list, ["""{"name":"a","text":"the fox"}""", "", """{"name":"b","text":"Quick quick dog cat"}"""]);
        using var loaded = new ModelLoader(NullLoggerFactory.Instance, _meters).Load(Options(_list), new());

        Assert.Equal("a", Label(loaded, "the fox"));
        Assert.Equal("b", Label(loaded, "Quick quick dog cat"));
        Assert.Equal(["a", "b"], Assert.Single(loaded.Model.Tasks).Labels);
    }

    [Fact]
    public void Where_none_is_like_enough_none_is_given()
    {
        var task = new ReplyVectorsTask("reply", 2, 0.5f).Over(["a"], [[1, 0]]);

        Assert.Equal("""{"label":"a","score":0.6000}""", Written(task, [0.6f, 0.8f]));
        Assert.Equal("""{"label":null,"score":0.3000}""", Written(task, [0.3f, MathF.Sqrt(1 - 0.09f)]));
        Assert.Equal("""{"label":"a","score":1.0000}""", Written(task, [0.2f, 0])); // the mean of windows is shorter
    }

    [Theory]
    [InlineData("", "found no line")]
    [InlineData("""{"name":"a"}""", "line 1: expected a JSON object with the members name and text")]
    [InlineData("nothing", "line 1: expected a JSON object")]
    [InlineData("{\"name\":\"a\",\"text\":\"x\"}\n{\"name\":\"a\",\"text\":\"y\"}", "line 2: found a name that an earlier line has")]
    public void A_list_that_is_none_is_refused_with_its_line(string content, string expected)
    {
        File.WriteAllText(_list, content);

        Assert.Contains(expected, Assert.Throws<UsageException>(() => ReplyList.Read(_list)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_that_is_not_there_or_that_nothing_ranks_is_refused_and_so_is_the_task_without_a_list()
    {
        Assert.Contains("cannot be read", Assert.Throws<UsageException>(() => ReplyList.Read(_list + ".not")).Message, StringComparison.Ordinal);
        Assert.Contains("Model:Replies lists; found none", Assert.Throws<UsageException>(() => ModelLoader.Find(Options("") with { Tasks = "reply" })).Message, StringComparison.Ordinal);
        using var other = new ToyPackage();
        Assert.Contains("no task that ranks replies", Assert.Throws<UsageException>(() => ModelLoader.Find(Options(_list) with { Path = other.Folder })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_setting_of_a_threshold_is_in_place_of_the_packages()
    {
        var task = Assert.IsType<ReplyVectorsTask>(_package.Manifest().With(new Dictionary<string, double> { ["reply"] = 0.9 }).Tasks[0].Task);

        Assert.Equal(0.9f, task.Least);
    }

    private ModelOptions Options(string list) => new() { Path = _package.Folder, Device = "cpu", Lanes = 1, Replies = list };

    private static string? Label(LoadedModel loaded, string text)
    {
        using var tokens = loaded.Tokenizer.Tokenize(text);
        using var said = loaded.Model.Predict(new([new(tokens, 0)], tokens.SequenceLength(0), MtlStream.Batching.BatchTrigger.EndOfInput), 0);
        var output = Utf8Buffer.ForThisThread();
        said.Tasks[0].Write(said.Of(0, 0), new(text, tokens), new(), output);
        using var document = JsonDocument.Parse(output.Written.ToArray());
        return document.RootElement.GetProperty("label").GetString();
    }

    private static string Written(RankedReplyTask task, float[] said)
    {
        using var text = TokenizedText.Of([new(10, 0, 1, 0, true)], 2, 3);
        var output = Utf8Buffer.ForThisThread();
        task.Write(new(task, said, 3), new("a", text), new(), output);
        return Encoding.UTF8.GetString(output.Written);
    }
}
