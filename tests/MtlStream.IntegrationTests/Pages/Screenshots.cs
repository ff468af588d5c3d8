using System.Globalization;

namespace MtlStream.IntegrationTests.Pages;

/// <summary>Pictures of the page, kept below <c>artifacts/screenshots</c>.</summary>
internal static class Screenshots
{
    private static readonly int[] s_widths = [360, 768, 1280];

    /// <summary>In three widths, light and dark: nothing sticks out, and nobody is kept out.</summary>
    public static void Take(Browser browser, string part)
    {
        var folder = Directory.CreateDirectory(Path.Combine(OpsTools.Root, "artifacts", "screenshots")).FullName;
        foreach (var width in s_widths)
        {
            foreach (var dark in new[] { false, true })
            {
                browser.Look(width, dark);
                var name = string.Create(CultureInfo.InvariantCulture, $"{part}-{width}-{(dark ? "dark" : "light")}.png");
                File.WriteAllBytes(Path.Combine(folder, name), browser.Picture());
                Assert.True((bool)browser.Run("return document.documentElement.scrollWidth <= innerWidth")!, $"{name} is wider than its window.");
                Assert.Empty(browser.Barriers());
            }
        }
    }
}
