using System.Globalization;
using System.Runtime.CompilerServices;

namespace MtlStream.Tests;

/// <summary>
/// Every test of this assembly runs under a culture that writes numbers, letters or years in its own way, and so does every
/// program that a test starts by <see cref="Name"/>: what depends on the user's culture by mistake shows.
/// </summary>
/// <remarks>German writes 0.5 as 0,5; Turkish has two kinds of i. MTLSTREAM_TEST_CULTURE takes any other.</remarks>
internal static class TestCulture
{
#if TURKISH
    private const string Own = "tr-TR";
#else
    private const string Own = "de-DE";
#endif

    public static string Name { get; } =
        Environment.GetEnvironmentVariable("MTLSTREAM_TEST_CULTURE") is { Length: > 0 } named ? named : Own;

    /// <summary>Value of <c>LC_ALL</c> for a program under test.</summary>
    public static string Locale { get; } = Name.Replace('-', '_') + ".UTF-8";

#pragma warning disable CA2255 // a test assembly has no other place before its first test
    [ModuleInitializer]
    internal static void Use()
#pragma warning restore CA2255
    {
        var culture = CultureInfo.GetCultureInfo(Name, predefinedOnly: true);
        CultureInfo.DefaultThreadCurrentCulture = culture;
        CultureInfo.CurrentCulture = culture;
    }
}
