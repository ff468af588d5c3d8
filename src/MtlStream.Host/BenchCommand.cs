using System.CommandLine;

namespace MtlStream.Host;

/// <summary><c>mtlstream bench</c>: the group of measurements.</summary>
internal static class BenchCommand
{
    public static Command Build() => new CliCommand(
        "bench", "Measures what the parts can do, each against its limit in the same run.",
        "mtlstream bench pipeline --input comments.jsonl.gz --json",
        "mtlstream bench kafka --bootstrap localhost:9092 --input comments.jsonl.gz")
    {
        BenchModelCommand.Build(),
        BenchPipelineCommand.Build(),
        BenchKafkaCommand.Build(),
        BenchTokenizerCommand.Build(),
        BenchGenerateCommand.Build(),
    };
}
