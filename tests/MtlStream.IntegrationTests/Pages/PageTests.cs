using OpenQA.Selenium;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>The page in a real browser, in front of a running worker. Pictures go to <c>artifacts/screenshots</c>.</summary>
public sealed class PageTests(PageWorker worker) : IClassFixture<PageWorker>
{
    private const string Text = "Tim Cook opened Apple's new store in Oslo on Friday, and I am so happy that I could cry!";

    [ChromiumFact]
    public async Task Try_shows_what_the_model_says_and_what_it_saw()
    {
        using var browser = new Browser();
        var address = await worker.ReadyAsync();
        browser.Look(1280, dark: false);
        browser.Open(address);

        browser.Find("#text").SendKeys(Text);
        browser.WaitForText("#found mark", text => text.StartsWith("Tim Cook", StringComparison.Ordinal));
        Assert.Contains(browser.Texts("#found mark"), t => t.StartsWith("Oslo", StringComparison.Ordinal));
        Assert.Contains("sentiment", browser.Texts("#found h2"));
        Assert.NotEmpty(browser.Texts(".bars .given"));

        foreach (var summary in new[] { "What the tokenizer saw", "As JSON", "As a curl line" })
            browser.Run("[...document.querySelectorAll('summary')].find(s => s.textContent === arguments[0]).click()", summary);
        Assert.Contains("tim", browser.Texts(".tokens span").Select(t => t.ToLowerInvariant()));
        Assert.Contains(browser.Texts("pre"), t => t.Contains("\"schema\": \"enriched-event.v1\"", StringComparison.Ordinal));
        Assert.Contains(browser.Texts("pre"), t => t.StartsWith($"curl -s {address}v1/annotate", StringComparison.Ordinal));
        foreach (var summary in new[] { "What the tokenizer saw", "As JSON", "As a curl line" })
            browser.Run("[...document.querySelectorAll('summary')].find(s => s.textContent === arguments[0]).click()", summary);

        AssertAtHome(browser, address);
        Photograph(browser, "try");
    }

    [ChromiumFact]
    public async Task A_link_carries_a_text_and_a_text_is_never_HTML()
    {
        using var browser = new Browser();
        var address = await worker.ReadyAsync();

        browser.Open(new(address, "#try?text=" + Uri.EscapeDataString(PageWorker.Hostile)));
        browser.WaitForText("#found mark", text => text.StartsWith("Berlin", StringComparison.Ordinal));

        Assert.Equal(0L, browser.Run("return document.querySelectorAll('main img, main script').length"));
        Assert.Null(browser.Run("return window.hacked ?? null"));
        AssertAtHome(browser, address);
    }

    [ChromiumFact]
    public async Task The_policy_lets_no_script_in_that_is_not_the_pages_own()
    {
        using var browser = new Browser();
        browser.Open(await worker.ReadyAsync());
        browser.Find("#text");

        Assert.Equal("TypeError", browser.Run("try { document.body.innerHTML = '<b>x</b>'; } catch (e) { return e.name; }"));
        Assert.Equal("TypeError", browser.Run("try { const s = document.createElement('script'); s.text = 'window.hacked = 1'; document.body.append(s); } catch (e) { return e.name; }"));
        Assert.Equal("blocked", browser.Run("return fetch('https://example.com/').then(() => 'sent', () => 'blocked')"));
        Assert.Null(browser.Run("return window.hacked ?? null"));
    }

    [ChromiumFact]
    public async Task Live_shows_the_stream_and_the_texts_in_it_are_no_HTML()
    {
        using var browser = new Browser();
        var address = await worker.ReadyAsync();
        browser.Look(1280, dark: false);
        browser.Open(new(address, "#live"));
        browser.WaitForText(".chip.dot.good", text => text == "live");

        worker.Produce(300);
        browser.WaitForText(".tile dd", text => text.Contains(" ms", StringComparison.Ordinal));
        browser.WaitForText(".list code", text => text.Length > 0); // a reason, with what to do
        worker.ProduceHostile(20); // the list shows the last eight, which were any of the others until now
        browser.WaitForText(".list mark", text => text.StartsWith("Berlin", StringComparison.Ordinal));
        browser.WaitForText(".grid .note", text => text.Contains("confidence", StringComparison.Ordinal));

        Assert.Null(browser.Run("return window.hacked ?? null"));
        Assert.Equal(0L, browser.Run("return document.querySelectorAll('main img, main script').length"));
        Assert.Equal(3L, browser.Run("return document.querySelectorAll('.plot canvas').length"));
        AssertAtHome(browser, address);
        Photograph(browser, "live");
    }

    [ChromiumFact]
    public async Task Models_shows_tasks_labels_and_measured_scores_and_all_goes_by_keyboard()
    {
        using var browser = new Browser();
        var address = await worker.ReadyAsync();
        browser.Open(address);
        browser.Find("#text");

        browser.Run("document.querySelector('.brand').focus()");
        for (var step = 0; step < 9 && browser.Run("return document.activeElement.textContent") as string != "Models"; step++) browser.Press(Keys.Tab);
        browser.Press(Keys.Enter);
        browser.WaitForText("h1", text => text.StartsWith("mtlstream-en ", StringComparison.Ordinal));

        Assert.Contains("sentiment", browser.Texts("tbody th"));
        Assert.Equal("Models", Assert.Single(browser.Texts("[aria-current=page]")));
        AssertAtHome(browser, address);
        Photograph(browser, "models");
    }

    /// <summary>No complaint of the console, and nothing asked of another host.</summary>
    private static void AssertAtHome(Browser browser, Uri address)
    {
        Assert.Empty(browser.Complaints);
        string[] allowed = [address.ToString(), "data:", "chrome"];
        Assert.All(browser.Requests, request => Assert.Contains(allowed, start => request.StartsWith(start, StringComparison.Ordinal)));
    }

    private static void Photograph(Browser browser, string part)
    {
        Screenshots.Take(browser, part);
        if (part == "try" && Environment.GetEnvironmentVariable("MTLSTREAM_WRITE_DOCS") is { Length: > 0 })
        {
            browser.Look(1200, dark: false);
            File.WriteAllBytes(Path.Combine(OpsTools.Root, "docs", "page.png"), browser.Picture(height: 900));
        }
    }
}
