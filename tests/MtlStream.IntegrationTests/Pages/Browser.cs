using System.Text.Json;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Support.UI;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>A real Chromium without a screen, with a fresh profile.</summary>
internal sealed class Browser : IDisposable
{
    private const string Program = "/usr/bin/chromium", Driver = "/usr/bin/chromedriver";

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    private readonly ChromeDriver _driver;
    private readonly List<string> _requests = [];
    private readonly List<string> _complaints = [];

    public Browser()
    {
        var options = new ChromeOptions { BinaryLocation = Program };
        options.AddArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run", "--hide-scrollbars", "--lang=en");
        options.SetLoggingPreference(LogType.Browser, OpenQA.Selenium.LogLevel.All);
        options.SetLoggingPreference("performance", OpenQA.Selenium.LogLevel.All);
        var service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver));
        service.SuppressInitialDiagnosticInformation = true;
        _driver = new(service, options, TimeSpan.FromMinutes(2));
    }

    /// <summary>Why there is none for a test, or null.</summary>
    public static string? WhyNone() =>
        File.Exists(Program) && File.Exists(Driver) ? null : $"There is no {Program} with {Driver} (Debian's packages chromium and chromium-driver).";

    /// <summary>What the console said beyond information.</summary>
    public IReadOnlyList<string> Complaints
    {
        get
        {
            ReadLogs();
            return _complaints;
        }
    }

    /// <summary>Addresses of everything that was asked for.</summary>
    public IReadOnlyList<string> Requests
    {
        get
        {
            ReadLogs();
            return _requests;
        }
    }

    public void Open(Uri address) => _driver.Navigate().GoToUrl(address);

    /// <summary>Waits for an element that is shown, and gives it.</summary>
    public IWebElement Find(string css) => Until(driver => driver.FindElements(By.CssSelector(css)).FirstOrDefault(e => e.Displayed), css);

    public IReadOnlyList<string> Texts(string css) => [.. _driver.FindElements(By.CssSelector(css)).Select(e => e.Text)];

    /// <summary>Waits until an element's text is as wanted.</summary>
    public void WaitForText(string css, Func<string, bool> wanted) =>
        Until(driver => driver.FindElements(By.CssSelector(css)).Any(e => wanted(e.Text)) ? "" : null, css);

    public void Press(string keys) => new OpenQA.Selenium.Interactions.Actions(_driver).SendKeys(keys).Perform();

    public void PressWithShift(string key) => new OpenQA.Selenium.Interactions.Actions(_driver).KeyDown(Keys.Shift).SendKeys(key).KeyUp(Keys.Shift).Perform();

    /// <summary>Drags the mouse from one element to another; both are told by their texts.</summary>
    public void Drag(string css, string from, string to)
    {
        var elements = _driver.FindElements(By.CssSelector(css));
        var (first, last) = (elements.First(e => e.Text == from), elements.First(e => e.Text == to));
        var (x, y) = (Middle(last).X - Middle(first).X, Middle(last).Y - Middle(first).Y);
        // By distance: the elements are made anew while the mouse moves.
        new OpenQA.Selenium.Interactions.Actions(_driver).MoveToElement(first).ClickAndHold().MoveByOffset(x, y).Release().Perform();
    }

    public object? Run(string script, params object[] arguments) => _driver.ExecuteScript(script, arguments);

    /// <summary>A window of this width, in light or dark.</summary>
    public void Look(int width, bool dark)
    {
        _driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = false });
        _driver.ExecuteCdpCommand("Emulation.setEmulatedMedia", new()
        {
            ["features"] = new object[]
            {
                new Dictionary<string, object> { ["name"] = "prefers-color-scheme", ["value"] = dark ? "dark" : "light" },
                new Dictionary<string, object> { ["name"] = "prefers-reduced-motion", ["value"] = "reduce" },
            },
        });
    }

    /// <summary>The whole page as a PNG.</summary>
    public byte[] Picture(int? height = null)
    {
        var arguments = new Dictionary<string, object?> { ["format"] = "png", ["captureBeyondViewport"] = height is null };
        if (height is not null) Run("scrollTo(0, 0)");
        var taken = (Dictionary<string, object>)_driver.ExecuteCdpCommand("Page.captureScreenshot", arguments)!;
        return Convert.FromBase64String((string)taken["data"]);
    }

    /// <summary>Breaches of WCAG 2.1 A and AA that axe-core finds, each with the element.</summary>
    public IReadOnlyList<string> Barriers()
    {
        using var stream = typeof(Deque.AxeCore.Commons.AxeResult).Assembly.GetManifestResourceStream("Deque.AxeCore.Commons.Resources.axe.min.js")!;
        using var reader = new StreamReader(stream);
        Run(reader.ReadToEnd());
        var found = _driver.ExecuteAsyncScript("""
            const done = arguments[arguments.length - 1];
            axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })
              .then(r => done(JSON.stringify(r.violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 120)} ${n.any.map(a => a.message).join(' ').slice(0, 160)}`)))), e => done(JSON.stringify([String(e)])));
            """);
        return JsonSerializer.Deserialize<List<string>>((string)found!)!;
    }

    public void Dispose() => _driver.Dispose();

    private static (int X, int Y) Middle(IWebElement element) =>
        (element.Location.X + (element.Size.Width / 2), element.Location.Y + (element.Size.Height / 2));

    private T Until<T>(Func<IWebDriver, T?> found, string what) where T : class
    {
        var wait = new WebDriverWait(_driver, s_patience) { Message = $"{what}; the console said: {string.Join(" | ", Complaints)}" };
        wait.IgnoreExceptionTypes(typeof(StaleElementReferenceException));
        return wait.Until(found)!;
    }

    private void ReadLogs()
    {
        var logs = _driver.Manage().Logs;
        _complaints.AddRange(logs.GetLog(LogType.Browser).Where(l => l.Level >= OpenQA.Selenium.LogLevel.Warning).Select(l => l.Message));
        foreach (var entry in logs.GetLog("performance"))
        {
            using var json = JsonDocument.Parse(entry.Message);
            var message = json.RootElement.GetProperty("message");
            if (message.GetProperty("method").GetString() == "Network.requestWillBeSent")
                _requests.Add(message.GetProperty("params").GetProperty("request").GetProperty("url").GetString()!);
        }
    }
}

/// <summary>A test that drives a real Chromium; skipped, with the reason, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumFactAttribute : FactAttribute
{
    public override string? Skip { get; set; } = Browser.WhyNone();
}
