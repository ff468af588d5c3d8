using System.CommandLine;
using MtlStream.Learning.Teaching;
using MtlStream.Onnx;

namespace MtlStream.Host;

/// <summary><c>mtlstream forget</c>: a package without one of its tasks.</summary>
internal static class ForgetCommand
{
    public static Command Build()
    {
        var task = new Option<string>("--task") { Description = "Name of the task that goes.", HelpName = "NAME", Required = true };
        var folder = new Option<string>("--out") { Description = "Folder of the new package; must not exist yet.", HelpName = "DIR", Required = true };
        var model = CommonOptions.Model();
        var command = new CliCommand(
            "forget", "Writes a model package without one of its tasks. The other tasks do not change by a bit, and the old package stays.",
            "mtlstream forget --task refund --model models/refund --out models/without")
        {
            task, model, folder,
        };
        command.SetAction(parsed =>
        {
            var name = parsed.GetRequiredValue(task);
            var written = TaskRemoval.Write(ModelLoader.Find(parsed.GetValue(model)!), name, parsed.GetRequiredValue(folder));
            parsed.InvocationConfiguration.Output.WriteLine(
                $"forget: {written.Folder} is {written.Name} {written.Version}, without {name}; it has {string.Join(", ", written.Tasks.Select(t => t.Task.Name))}.");
            return ExitCodes.Done;
        });
        return command;
    }
}
