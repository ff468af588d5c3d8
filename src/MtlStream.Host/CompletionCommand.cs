using System.CommandLine;

namespace MtlStream.Host;

/// <summary><c>mtlstream completion</c>: what a shell needs to complete command lines of this program.</summary>
internal static class CompletionCommand
{
    // The program itself knows what may come next: [suggest:N] takes a command line without its first word, and a place in it.
    private const string Bash = """
        _mtlstream() {
          local line=${COMP_LINE#* } skipped
          skipped=$((${#COMP_LINE} - ${#line}))
          local IFS=$'\n'
          COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:$((COMP_POINT - skipped))]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _mtlstream mtlstream ./mtlstream
        """;

    private const string Zsh = """
        #compdef mtlstream
        _mtlstream() {
          local line=${BUFFER#* }
          compadd -- ${(f)"$(${words[1]} "[suggest:$((CURSOR - ${#BUFFER} + ${#line}))]" "$line" 2>/dev/null)"}
          _files
        }
        compdef _mtlstream mtlstream ./mtlstream
        """;

    private const string Fish = """
        function __mtlstream
          set -l line (commandline -cp | string replace -r '^\S+ ?' '')
          (commandline -opc)[1] "[suggest:"(string length -- $line)"]" "$line" 2>/dev/null
        end
        complete -c mtlstream -a '(__mtlstream)'
        """;

    private static readonly Dictionary<string, string> s_scripts = new() { ["bash"] = Bash, ["zsh"] = Zsh, ["fish"] = Fish };

    public static Command Build()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.AcceptOnlyFromAmong([.. s_scripts.Keys]);
        var command = new CliCommand(
            "completion", "Prints a script that has a shell complete commands and options.",
            "mtlstream completion bash > /etc/bash_completion.d/mtlstream", "mtlstream completion fish > ~/.config/fish/completions/mtlstream.fish") { shell };
        command.SetAction(parsed =>
        {
            parsed.InvocationConfiguration.Output.WriteLine(s_scripts[parsed.GetRequiredValue(shell)].ReplaceLineEndings("\n"));
            return ExitCodes.Done;
        });
        return command;
    }
}
