using System.Text.Json;
using System.Text.Json.Serialization;

namespace MtlStream.Http.Api;

/// <summary>A tensor of the Open Inference Protocol, version 2.</summary>
/// <param name="Shape">A length for each dimension; -1 for any, in metadata.</param>
/// <param name="Datatype">Here always <c>BYTES</c>: texts.</param>
internal sealed record InferenceTensor(string Name, IReadOnlyList<long>? Shape, string? Datatype)
{
    /// <summary>Left out in metadata, and in an output that is asked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonElement? Data { get; init; }
}

/// <summary>What <c>POST /v2/models/NAME/infer</c> takes.</summary>
/// <param name="Outputs">Names of tasks; null or none for all.</param>
internal sealed record InferenceRequest(string? Id, IReadOnlyList<InferenceTensor>? Inputs, IReadOnlyList<InferenceTensor>? Outputs);

/// <summary>What it answers.</summary>
internal sealed record InferenceAnswer(
    [property: JsonPropertyName("model_name")] string ModelName, [property: JsonPropertyName("model_version")] string ModelVersion,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Id, IReadOnlyList<InferenceTensor> Outputs);
