using MtlStream.Learning.Features;
using MtlStream.Models;
using Onnx;

namespace MtlStream.Tests.Learning;

public sealed class FeatureGraphTests
{
    [Fact]
    public void Heads_are_taught_on_the_encoder_and_not_on_the_layers_that_some_tasks_have_of_their_own()
    {
        var manifest = ModelManifest.Load(ModelManifest.Locate(""));
        var graph = File.ReadAllBytes(manifest.GraphFor("cpu"));

        var alone = ModelProto.Parser.ParseFrom(FeatureGraph.Alone(graph, manifest, [FeatureSet.OfWords])).Graph;

        Assert.Contains(ModelProto.Parser.ParseFrom(graph).Graph.Node, n => n.Name.StartsWith("branch/node/branch", StringComparison.Ordinal));
        Assert.DoesNotContain(alone.Node, n => n.Name.StartsWith("branch/node/branch", StringComparison.Ordinal));
        Assert.Equal(6, alone.Node.Count(n => n.Name.StartsWith("node/layer", StringComparison.Ordinal) && n.OpType == "QAttention"));
    }
}
