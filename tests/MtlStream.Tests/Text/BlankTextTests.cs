using MtlStream.Text;

namespace MtlStream.Tests.Text;

public sealed class BlankTextTests
{
    [Theory]
    [InlineData("")]
    [InlineData(" \t\r\n\u00A0\u3000\u2028")]
    [InlineData("\u200B\uFEFF\u00AD\u2060\u202E\u200D\u061C")]
    [InlineData("\0\u0001\u007F\u0085\uFFFD\uFFFC")]
    [InlineData("\u115F\u1160\u3164\uFFA0\u2800\u17B4")]
    [InlineData("\uFE0F\u0301\u034F")]
    [InlineData("\uE000\uFFFF\uFDD0\U0001FFFE\U000F0000\U000E0001")]
    public void What_is_drawn_as_nothing_is_blank(string text) => Assert.True(BlankText.Is(text));

    [Theory]
    [InlineData("\u200Ba")]
    [InlineData("...")]
    [InlineData("🎉")]
    [InlineData("\U0001FACD")]
    [InlineData("ㅎ")]
    [InlineData("é")]
    [InlineData("1\uFE0F\u20E3")]
    public void What_shows_something_is_not(string text) => Assert.False(BlankText.Is(text));
}
