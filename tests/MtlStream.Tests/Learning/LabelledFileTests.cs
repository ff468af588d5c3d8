using MtlStream.Learning.Data;

namespace MtlStream.Tests.Learning;

public sealed class LabelledFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-labelled").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("text,label\ngood,yes\n\"a, \"\"b\"\"\nc\",no\nlast,yes\n")]
    [InlineData("label\ttext\nyes\tgood\nno\t\"a, \"\"b\"\"\nc\"\nyes\tlast\n")]
    [InlineData("{\"text\":\"good\",\"label\":\"yes\"}\n\n{\"text\":\"a, \\\"b\\\"\\nc\",\"label\":[\"no\"]}\n{\"text\":\"last\",\"label\":\"yes\"}")]
    [InlineData("\uFEFFtext,label\r\ngood,yes\r\n\"a, \"\"b\"\"\nc\",no\r\nlast,yes\r\n")]
    public void The_form_is_told_by_content(string content)
    {
        var texts = Read(content);

        Assert.Equal(["good", "a, \"b\"\nc", "last"], texts.Select(t => t.Text));
        Assert.Equal(["yes", "no", "yes"], texts.Select(t => Assert.Single(t.Labels)));
    }

    [Fact]
    public void A_text_knows_its_line()
    {
        var texts = Read("text,label\none,a\n\"two\nlines\",b\nthree,a\n");

        Assert.Equal([2, 3, 5], texts.Select(t => t.Line));
    }

    [Theory]
    [InlineData("text,label\nx,a|b\n")]
    [InlineData("{\"text\":\"x\",\"label\":[\"a\",\"b\"]}\n")]
    public void A_text_may_have_several_labels(string content) => Assert.Equal(["a", "b"], Assert.Single(Read(content)).Labels);

    [Fact]
    public void Columns_may_be_pointers() =>
        Assert.Equal("x", Assert.Single(Read("{\"body\":{\"text\":\"x\"},\"meta\":{\"kind\":\"a\"}}", new("/body/text", "/meta/kind"))).Text);

    [Theory]
    [InlineData("", "empty")]
    [InlineData("text,label\n", "no texts")]
    [InlineData("body,kind\nx,a\n", "found the columns body, kind, expected one named text")]
    [InlineData("{\"text\":\"x\",\"label\":\"a\"}\n{\"text\":\n", "line 2 is not JSON")]
    [InlineData("{\"text\":\"x\"}\n", "line 1: expected a string or a list of strings at label")]
    public void What_is_wrong_is_said_with_its_line(string content, string expected) =>
        Assert.Contains(expected, Assert.Throws<UsageException>(() => Read(content)).Message, StringComparison.Ordinal);

    [Fact]
    public void Another_encoding_is_refused()
    {
        var path = Path.Combine(_folder, "latin.csv");
        File.WriteAllBytes(path, [.. "text,label\ncaf"u8, 0xE9, .. ",a\n"u8]);

        var error = Assert.Throws<UsageException>(() => new LabelledFile(path, new()).Read());

        Assert.Contains("line 2, byte 14 is not UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one\n\nsay \"two\", now\n")]
    [InlineData("label,text\na,one\nb,\"say \"\"two\"\", now\"\n")]
    [InlineData("{\"text\":\"one\"}\n{\"text\":\"say \\\"two\\\", now\"}\n")]
    public void Texts_alone_need_no_header(string content)
    {
        var path = Path.Combine(_folder, "stream");
        File.WriteAllText(path, content);

        var texts = new LabelledFile(path, new(), unlabelled: true).Read();

        Assert.Equal(["one", "say \"two\", now"], texts.Select(t => t.Text));
    }

    [Fact]
    public void A_folder_is_named() =>
        Assert.Contains("found a folder", Assert.Throws<UsageException>(() => new LabelledFile(_folder, new()).Read()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_not_there_is_named() =>
        Assert.Contains("no such file", Assert.Throws<UsageException>(() => new LabelledFile(Path.Combine(_folder, "none"), new()).Read()).Message, StringComparison.Ordinal);

    private IReadOnlyList<LabelledExample> Read(string content, LabelledColumns? columns = null)
    {
        var path = Path.Combine(_folder, "data.any");
        File.WriteAllText(path, content);
        return new LabelledFile(path, columns ?? new()).Read();
    }
}
