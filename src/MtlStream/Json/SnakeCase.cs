using System.Text.Json;

namespace MtlStream.Json;

/// <summary>Names of enum values as schemas, headers and metric tags spell them: <c>MissingText</c> is <c>missing_text</c>.</summary>
public static class SnakeCase
{
    /// <summary>The name of a value that the enum has.</summary>
    public static string Of<T>(T value) where T : struct, Enum => Spelled<T>.ByValue[value];

    /// <summary>All names, in the order of the values.</summary>
    public static IReadOnlyList<string> All<T>() where T : struct, Enum => Spelled<T>.Names;

    /// <summary>The value of a name; false when there is none.</summary>
    public static bool TryParse<T>(string name, out T value) where T : struct, Enum
    {
        var index = Array.IndexOf(Spelled<T>.Names, name);
        value = Spelled<T>.Values[Math.Max(index, 0)];
        return index >= 0;
    }

    private static class Spelled<T> where T : struct, Enum
    {
        public static readonly T[] Values = Enum.GetValues<T>();
        public static readonly string[] Names = Array.ConvertAll(Values, v => JsonNamingPolicy.SnakeCaseLower.ConvertName(v.ToString()));
        public static readonly Dictionary<T, string> ByValue = Values.Zip(Names).ToDictionary(p => p.First, p => p.Second);
    }
}
