using OpenQA.Selenium;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>The studio in a real browser.</summary>
public sealed class StudioTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-studio").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [ChromiumFact]
    public async Task Questions_are_answered_by_keys_and_buttons_and_taken_back()
    {
        var file = Path.Combine(_folder, "unsure.jsonl");
        await File.WriteAllLinesAsync(file, ["""{"text": "It was <b>fine</b>, I guess."}""", """{"text": "Never again."}""", """{"text": "So good!"}"""]);
        using var studio = await StudioProcess.StartAsync(file);
        using var browser = new Browser();
        browser.Look(1280, dark: false);
        browser.Open(new(studio.Address, "#review"));
        browser.WaitForText(".note", text => text.StartsWith("0 of 3 answered", StringComparison.Ordinal));
        Assert.Equal(0L, browser.Run("return document.querySelectorAll('.text b').length"));
        Screenshots.Take(browser, "review");

        browser.Press("1");
        browser.WaitForText(".note", text => text.StartsWith("1 of 3 answered", StringComparison.Ordinal));
        browser.Press("u");
        browser.WaitForText(".note", text => text.StartsWith("0 of 3 answered", StringComparison.Ordinal));
        browser.Press(".");
        browser.WaitForText(".note", text => text.StartsWith("1 of 3 answered", StringComparison.Ordinal));
        browser.Press("?");
        browser.WaitForText(".note", text => text.StartsWith("2 of 3 answered", StringComparison.Ordinal));
        browser.Find("[aria-label=Labels] button").SendKeys(Keys.Enter);
        browser.WaitForText(".empty strong", text => text == "All answered");

        var answers = await File.ReadAllLinesAsync(file + ".answers.jsonl");
        Assert.Equal(5, answers.Length); // one of them takes another back
        Assert.DoesNotContain(answers, line => line.Contains("Never", StringComparison.Ordinal));
        Assert.Empty(browser.Complaints);
    }
}
