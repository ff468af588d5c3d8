using System.Text.Json.Nodes;
using MtlStream.IntegrationTests.Kafka;
using OpenQA.Selenium;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>The studio in a real browser.</summary>
public sealed class StudioTests : IDisposable
{
    private const string Hostile = "<img src=x onerror=window.hacked=1>";

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

    [ChromiumFact]
    public async Task Parts_of_a_text_are_labelled_by_keys_and_by_mouse()
    {
        var file = Path.Combine(_folder, "names.jsonl");
        await File.WriteAllLinesAsync(file, ["""{"text": "Tim Cook <b>left</b> Oslo."}"""]);
        using var studio = await StudioProcess.StartAsync(file);
        using var browser = new Browser();
        browser.Look(1280, dark: false);
        browser.Open(new(studio.Address, "#review"));
        browser.WaitForText(".note", text => text.StartsWith("0 of 1 answered", StringComparison.Ordinal));
        browser.Run("const t = document.getElementById('task'); t.value = 'entities'; t.dispatchEvent(new Event('change'))");
        browser.WaitForText(".words .word", text => text == "Tim");

        browser.PressWithShift(Keys.ArrowRight);
        browser.Press("1"); // PER
        browser.WaitForText(".words mark", text => text.StartsWith("Tim Cook", StringComparison.Ordinal));
        browser.Drag(".words .word", "left", "Oslo");
        browser.Find("[aria-label=Labels] button:nth-of-type(2)").Click(); // LOC
        browser.WaitForText("[aria-label=Spans] button", text => text.Contains("Oslo", StringComparison.Ordinal));
        Screenshots.Take(browser, "review-spans");
        Assert.Empty(browser.Barriers());
        browser.Press(Keys.Backspace); // takes the span away that the last word is in
        browser.Drag(".words .word", "Oslo", "Oslo");
        browser.Press("2");
        browser.WaitForText("[aria-label=Spans] button", text => text.EndsWith("Oslo ×", StringComparison.Ordinal) && text.StartsWith("LOC: Oslo", StringComparison.Ordinal));
        browser.Press(Keys.Enter);
        browser.WaitForText(".empty strong", text => text == "All answered");

        var answer = JsonNode.Parse(Assert.Single(await File.ReadAllLinesAsync(file + ".answers.jsonl")))!;
        Assert.Equal(["PER 0-8", "LOC 21-25"], answer["labels"]!.AsArray().Select(l => l!.GetValue<string>()));
        Assert.Equal("entities", answer["task"]!.GetValue<string>());
        Assert.Empty(browser.Complaints);
        Assert.Null(browser.Run("return document.querySelector('.words b b')"));
    }

    [ChromiumFact]
    public async Task A_text_is_translated_on_request()
    {
        using var studio = await StudioProcess.StartAsync("--device", "cpu");
        using var browser = new Browser();
        browser.Look(1280, dark: false);
        browser.Open(new(studio.Address, "#try?text=Two%20young%20men%20are%20playing%20football."));
        browser.WaitForText("#found h2", text => text == "sentiment");
        Assert.DoesNotContain("translate_de", browser.Texts("#found h2"));

        browser.Find("[aria-label='Texts to be written'] button:nth-of-type(2)").Click();
        browser.WaitForText("#found [aria-label=translate_de]", text => text.Contains("Männer", StringComparison.Ordinal) && text.Contains("experimental", StringComparison.Ordinal));

        Screenshots.Take(browser, "written");
        Assert.Empty(browser.Barriers());
        Assert.Empty(browser.Complaints);
    }

    [ChromiumFact]
    public async Task Two_versions_stand_side_by_side_and_names_of_labels_are_no_HTML()
    {
        var (one, other) = (Package("1.0.0"), Package("2.0.0"));
        using var studio = await StudioProcess.StartAsync("--model", one, "--against", other, "--device", "cpu");
        using var browser = new Browser();
        browser.Look(1280, dark: false);
        browser.Open(new(studio.Address, "#try?text=the%20quick%20fox"));
        browser.WaitForText("#found", text => text.Contains("mood", StringComparison.Ordinal));

        browser.Run("const s = document.getElementById('against'); s.selectedIndex = 1; s.dispatchEvent(new Event('change'));");
        browser.WaitForText("#found .two", text => text.Contains("2.0.0", StringComparison.Ordinal) && text.Contains("1.0.0", StringComparison.Ordinal));
        Screenshots.Take(browser, "against");
        Assert.Contains(browser.Texts("#found"), text => text.Contains(Hostile, StringComparison.Ordinal));
        browser.Open(new(studio.Address, "#models"));
        browser.WaitForText("tbody td", text => text.Contains(Hostile, StringComparison.Ordinal));

        Assert.Equal(0L, browser.Run("return document.querySelectorAll('main img, main script').length"));
        Assert.Null(browser.Run("return window.hacked ?? null"));
        Assert.Empty(browser.Complaints);
    }

    /// <summary>The toy package as another version, with a label that tries to be HTML.</summary>
    private string Package(string version)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, version)).FullName;
        foreach (var file in Directory.GetFiles(WorkerProcess.ToyModel)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        var path = Path.Combine(folder, "model.json");
        var manifest = JsonNode.Parse(File.ReadAllText(path))!;
        manifest["version"] = version;
        foreach (var task in manifest["tasks"]!.AsArray().Where(t => t!["name"]!.GetValue<string>() is "mood" or "traits")) task!["labels"]![0] = Hostile;
        File.WriteAllText(path, manifest.ToJsonString());
        return folder;
    }
}
