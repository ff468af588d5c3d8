using System.CommandLine;

namespace MtlStream.Host;

/// <summary>A command whose help ends with examples.</summary>
/// <param name="examples">Whole lines as they are typed, from <c>mtlstream</c> on.</param>
internal sealed class CliCommand(string name, string description, params string[] examples) : Command(name, description)
{
    public IReadOnlyList<string> Examples { get; } = examples;
}
