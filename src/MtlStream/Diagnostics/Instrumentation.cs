namespace MtlStream.Diagnostics;

/// <summary>What the instruments of the core are found by.</summary>
public static class Instrumentation
{
    /// <summary>Name of the meter, and of the source of spans. Those of other projects begin with it.</summary>
    public const string Name = "MtlStream";
}
