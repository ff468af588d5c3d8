using MtlStream.Json;

namespace MtlStream.Events;

/// <summary>An analysis on its way into an answer.</summary>
/// <param name="json">A JSON object in UTF-8; valid as long as the call that it is given to.</param>
/// <param name="shape">What is in that object; the same instance as long as the same model serves.</param>
public readonly ref struct Analysis(ReadOnlySpan<byte> json, Shape shape)
{
    public ReadOnlySpan<byte> Json { get; } = json;

    public Shape Shape { get; } = shape;
}
