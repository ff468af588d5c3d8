using System.Diagnostics;
using MtlStream.Tests.Host;

namespace MtlStream.Tests.Eng;

/// <summary>A throw-away checkout with the real scripts and make-believe tools: nothing here reaches a registry or a compiler.</summary>
internal sealed class ScriptSandbox : IDisposable
{
    /// <summary>What the scripts may use of the machine; everything else exists only where a test fakes it.</summary>
    private static readonly string[] s_tools =
    [
        "awk", "base64", "bash", "cat", "chmod", "cmp", "cp", "cut", "dirname", "env", "find", "flock", "grep", "head", "id", "install", "mkdir", "mktemp", "mv", "nice", "od",
        "readlink", "rm", "sed", "sha512sum", "sha256sum", "sleep", "sort", "tail", "tar", "gzip", "tee", "touch", "tr", "uname", "xargs",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("mtlstream-eng-").FullName;

    public ScriptSandbox()
    {
        var repository = Repository();
        Directory.CreateDirectory(Checkout + "/eng");
        Directory.CreateDirectory(Checkout + "/.ci");
        Directory.CreateDirectory(Checkout + "/deploy");
        Directory.CreateDirectory(Checkout + "/src");
        Directory.CreateDirectory(_folder + "/bin");
        File.WriteAllText(Checkout + "/src/Program.cs", "return 0;");
        foreach (var file in new[] { "mtlstream", "test.sh", ".ci/run", ".ci/docker.sh", "deploy/generator.sh", "global.json", "Directory.Build.props", "Directory.Packages.props" })
            File.Copy($"{repository}/{file}", $"{Checkout}/{file}");
        CopyFolder(repository + "/eng", Checkout + "/eng");
        foreach (var tool in s_tools)
        {
            var path = new[] { "/usr/bin", "/bin" }.Select(folder => $"{folder}/{tool}").First(File.Exists);
            File.CreateSymbolicLink($"{_folder}/bin/{tool}", path);
        }
    }

    public string Checkout => _folder + "/checkout";

    /// <summary>How often a fake was called, with its arguments: one call a line.</summary>
    public IReadOnlyList<string> Calls(string tool) => File.Exists(Log(tool)) ? File.ReadAllLines(Log(tool)) : [];

    /// <summary>Puts a tool on the path that notes its call and then does what <paramref name="body"/>, a bash script, says.</summary>
    public void Fake(string tool, string body)
    {
        var path = $"{_folder}/bin/{tool}";
        File.Delete(path);
        WriteScript(path, $"echo \"$*\" >> '{Log(tool)}'\n{body}");
    }

    /// <summary>Puts a bash script beside the checkout.</summary>
    public void Beside(string path, string body)
    {
        Directory.CreateDirectory(Path.GetDirectoryName($"{_folder}/{path}")!);
        WriteScript($"{_folder}/{path}", body);
    }

    public Process Start(string script, string[] arguments, string? folder = null, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo($"{Checkout}/{script}", arguments)
        {
            WorkingDirectory = folder ?? Checkout,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = _folder + "/bin";
        start.Environment["HOME"] = _folder;
        start.Environment["MTLSTREAM_CUDA"] = "0";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new OwnedProcess(start);
    }

    public async Task<Outcome> RunAsync(string script, string[] arguments, params (string Name, string Value)[] environment)
    {
        using var process = Start(script, arguments, folder: null, environment);
        return await OutcomeOfAsync(process);
    }

    public static async Task<Outcome> OutcomeOfAsync(Process process)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
        var error = process.StandardError.ReadToEndAsync(deadline.Token);
        await process.WaitForExitAsync(deadline.Token);
        return new(process.ExitCode, await output, await error);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void WriteScript(string path, string body)
    {
        File.WriteAllText(path, $"#!/bin/bash\n{body}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private string Log(string tool) => $"{_folder}/{tool}.calls";

    private static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private static string Repository()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(folder + "/MtlStream.sln"))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside a checkout.");
        return folder;
    }

    internal sealed record Outcome(int Code, string Output, string Error);
}
