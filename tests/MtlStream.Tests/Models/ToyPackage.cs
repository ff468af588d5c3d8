using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Google.Protobuf;
using MtlStream.Batching;
using MtlStream.Models;
using MtlStream.Tests.Text;
using MtlStream.Text;
using Onnx;

namespace MtlStream.Tests.Models;

/// <summary>A copy of the package in <c>toy-model/</c> that a test may spoil.</summary>
internal sealed class ToyPackage : IDisposable
{
    public const int Infinite = 13, Large = 14, OutsideTheVocabulary = 64;

    private static readonly string s_original = Path.Combine(Root(), "tests", "MtlStream.Tests", "Models", "toy-model");

    public ToyPackage()
    {
        foreach (var file in Directory.GetFiles(s_original).Where(f => !f.EndsWith(".py", StringComparison.Ordinal)))
            File.Copy(file, At(Path.GetFileName(file)));
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("mtlstream-toy").FullName;

    public string At(string file) => Path.Combine(Folder, file);

    public ModelManifest Manifest() => ModelManifest.Load(Folder);

    /// <summary>Changes the manifest; checksums are made to fit the files as they are.</summary>
    public ToyPackage Edit(Action<JsonObject> edit)
    {
        var manifest = JsonNode.Parse(File.ReadAllText(At("model.json")))!.AsObject();
        foreach (var name in manifest["checksums"]!.AsObject().Select(c => c.Key).ToList())
            manifest["checksums"]![name] = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(At(name))));
        edit(manifest);
        File.WriteAllText(At("model.json"), manifest.ToJsonString());
        return this;
    }

    /// <summary>Has it rank replies, and nothing else. What was said is what is said next: the best reply to a text is the text itself.</summary>
    public ToyPackage RankReplies()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(At("model.cpu.onnx")));
        model.Graph.Node.Add(new NodeProto { OpType = "Identity", Input = { "traits.probabilities" }, Output = { "reply.next" } });
        var output = model.Graph.Output.Single(o => o.Name == "traits.probabilities").Clone();
        output.Name = "reply.next";
        model.Graph.Output.Add(output);
        File.WriteAllBytes(At("model.cpu.onnx"), model.ToByteArray());
        return Edit(manifest => manifest["tasks"] = new JsonArray(
            JsonNode.Parse("""{"name":"reply","kind":"reply_vectors","size":4,"least":0.2,"outputs":{"said":"traits.probabilities","next":"reply.next"}}""")));
    }

    /// <summary>Gives it a golden text whose values are not the model's: the tolerance decides whether they are near enough.</summary>
    /// <param name="tolerance">Of probabilities, and the share of tags that may differ.</param>
    public ToyPackage Expect(double tolerance, Action<JsonObject>? edit = null)
    {
        var golden = JsonNode.Parse(string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "schema": "model-golden.v1",
              "tolerance": { "cpu": { "probability": {{tolerance}}, "tagShare": {{1 - tolerance}} } },
              "texts": [{
                "text": "the Cat", "input_ids": [2, 42, 40, 3], "token_type_ids": [0, 0, 1, 0],
                "outputs": {
                  "mood.probabilities": [0.9, 0.05, 0.05], "traits.probabilities": [0.5, 0.5, 0.5, 0.5],
                  "tags.tags": [0, 9, 9, 0], "names.tags": [0, 9, 9, 0]
                }
              }]
            }
            """))!.AsObject();
        edit?.Invoke(golden);
        File.WriteAllText(At("golden.json"), golden.ToJsonString());
        return Edit(manifest => manifest["golden"] = "golden.json");
    }

    /// <summary>Gives it another kind of tokenizer, with 1,000 tokens that share the graph's first rows.</summary>
    public ToyPackage Tokenize(string kind)
    {
        const int Rows = Infinite; // those before are finite
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(At("model.cpu.onnx")));
        graph.Graph.Initializer.Add(new TensorProto { Name = "rows", DataType = (int)TensorProto.Types.DataType.Int64, Int64Data = { Rows } });
        graph.Graph.Node.Single(node => node.Input[0] == "words").Input[1] = "row";
        graph.Graph.Node.Insert(0, new NodeProto { OpType = "Mod", Input = { "input_ids", "rows" }, Output = { "row" } });
        File.WriteAllBytes(At("model.cpu.onnx"), graph.ToByteArray());
        var files = new JsonObject();
        foreach (var (role, path) in SubwordVectors.Files[kind])
        {
            File.Copy(path, At(Path.GetFileName(path)));
            files[role] = Path.GetFileName(path);
        }

        return Edit(manifest => manifest["tokenizer"] = new JsonObject
        {
            ["kind"] = kind, ["files"] = files, ["lowercase"] = false, ["stripAccents"] = false, ["caseIds"] = false, ["words"] = false,
        });
    }

    /// <summary>Spoils the weights of token 0, so that no text of it gets scores that are finite; checksums are made to fit.</summary>
    public ToyPackage Break()
    {
        var weights = File.ReadAllBytes(At("weights.bin"));
        BitConverter.TryWriteBytes(weights, float.NaN);
        File.WriteAllBytes(At("weights.bin"), weights);
        return Edit(_ => { });
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>A text of one window with these tokens between [CLS] (2) and [SEP] (3).</summary>
    public static TokenSequence Sequence(params int[] ids) =>
        new(TokenizedText.Of([.. ids.Select((id, i) => new Token(id, i, i + 1, (byte)(i % 4), true))], 2, 3), 0);

    public static TokenBatch Batch(params TokenSequence[] sequences) => new(sequences, sequences.Max(r => r.Length), BatchTrigger.Linger);

    private static string Root()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at.FullName, "MtlStream.sln"))) at = at.Parent ?? throw new InvalidOperationException("Not inside the repository.");
        return at.FullName;
    }
}
