using System.CommandLine.Parsing;
using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using MtlStream.Events;
using MtlStream.Host.Lines;

namespace MtlStream.Host;

/// <summary>Options and arguments that several commands share.</summary>
internal static class CommonOptions
{
    /// <summary>Camel case, text readable as it is.</summary>
    public static JsonSerializerOptions Json { get; } = new(JsonSerializerDefaults.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Option<string> Model() => new("--model")
    {
        Description = "Folder of a model package; without it the one that comes with the program.",
        HelpName = "DIR",
        DefaultValueFactory = _ => "",
    };

    public static Option<string> Device()
    {
        var device = new Option<string>("--device") { Description = "Where the model runs.", DefaultValueFactory = _ => "auto" };
        device.AcceptOnlyFromAmong("auto", "cpu", "cuda");
        return device;
    }

    public static Option<string> Tasks() => new("--tasks")
    {
        Description = "Comma-separated tasks to run; without it all of them.",
        HelpName = "a,b",
        DefaultValueFactory = _ => "",
    };

    public static Option<bool> JsonReport() => new("--json") { Description = "Make the last line of stdout one JSON object." };

    public static Option<string> Input() => new("--input") { Description = "JSON lines with a member text, plain or gzipped.", HelpName = "FILE", Required = true };

    public static Option<string> Format()
    {
        var format = new Option<string>("--format") { Description = "What a line is: a JSON object, or the text itself.", DefaultValueFactory = _ => "jsonl" };
        format.AcceptOnlyFromAmong("jsonl", "text");
        return format;
    }

    public static Option<string> Unescape()
    {
        var unescape = new Option<string>("--unescape")
        {
            Description = "Read entities of HTML in texts as what they stand for; offsets stay those of the text as it stands.",
            DefaultValueFactory = _ => "none",
        };
        unescape.AcceptOnlyFromAmong("none", "html");
        return unescape;
    }

    /// <summary>Names or pointers, separated by commas or given one by one.</summary>
    public static Option<string[]> List(string name, string description, string helpName) => new(name)
    {
        Description = description,
        HelpName = helpName,
        AllowMultipleArgumentsPerToken = true,
        CustomParser = given => [.. given.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))],
    };

    /// <summary>What was given as names and values.</summary>
    /// <param name="form">What is expected, such as <c>NAME=TEXT</c>.</param>
    /// <exception cref="UsageException">Something else was given, or a name twice.</exception>
    public static Dictionary<string, string> Named(string option, string form, string[] given)
    {
        var named = new Dictionary<string, string>();
        foreach (var one in given)
        {
            var parts = one.Split('=', 2, StringSplitOptions.TrimEntries);
            if (parts.Length < 2 || parts[0].Length == 0 || parts[1].Length == 0) throw new UsageException($"{option} is '{one}', expected {form}.");
            if (!named.TryAdd(parts[0], parts[1])) throw new UsageException($"{option}: found the name {parts[0]} twice, expected each once.");
        }

        return named;
    }

    public static Argument<string> File() => new("FILE")
    {
        Description = "File to read, plain or gzipped; - for standard input.",
        DefaultValueFactory = _ => "-",
    };

    /// <summary>At most one name, and settings before or behind it, which the parser cannot tell from names.</summary>
    public static Argument<string[]> NameAmongSettings(string name, string description) => new(name)
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrMore,
        HelpName = name,
    };

    /// <summary>Tells what was given for <see cref="NameAmongSettings"/> apart.</summary>
    /// <exception cref="UsageException">There are several names.</exception>
    public static (string? Name, IReadOnlyList<string> Settings) Apart(string[]? given)
    {
        var names = (given ?? []).Where(g => !g.StartsWith("--", StringComparison.Ordinal)).ToList();
        if (names.Count > 1) throw new UsageException($"found {string.Join(" and ", names)}, expected one of them.");
        return (names.Count == 0 ? null : names[0], [.. (given ?? []).Where(g => g.StartsWith("--", StringComparison.Ordinal))]);
    }

    /// <summary>Refuses a number that is not above zero.</summary>
    public static void RequirePositive(OptionResult given, string option)
    {
        if (given.Tokens is [var token] && double.TryParse(token.Value, CultureInfo.InvariantCulture, out var number) && number <= 0)
            given.AddError($"{option} is {token.Value}, expected a number above zero.");
    }

    /// <param name="format"><c>jsonl</c> or <c>text</c>.</param>
    public static InputFormat ToInputFormat(string format) => format == "text" ? InputFormat.Text : InputFormat.Auto;

    /// <param name="unescape"><c>none</c> or <c>html</c>.</param>
    public static TextEscapes ToEscapes(string unescape) => unescape == "html" ? TextEscapes.Html : TextEscapes.None;

    /// <summary>Opens what an argument FILE names.</summary>
    /// <exception cref="UsageException">It cannot be opened.</exception>
    public static Stream OpenInput(string path)
    {
        if (path == "-")
        {
            if (!Console.IsInputRedirected) Console.Error.WriteLine("mtlstream: reading from the terminal, a line for each event; Ctrl+D ends the input, Ctrl+C stops.");
            return Console.OpenStandardInput();
        }

        if (path.Length == 0) throw new UsageException("found an empty name, expected a file to read, or - for standard input.");
        if (Directory.Exists(path)) throw new UsageException($"{path} is a folder, expected a file to read.");
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1, FileOptions.SequentialScan);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>Standard output (1) or standard error (2), unbuffered. Writing fails when the reader of a pipe is gone.</summary>
    public static Stream OpenOutput(int descriptor)
    {
        // The console's own streams drop what is written to a broken pipe; a FileStream would not move the shared offset of a file.
        var file = new FileStream(new SafeFileHandle(descriptor, ownsHandle: false), FileAccess.Write, 0);
        if (!file.CanSeek) return file;
        file.Dispose();
        return descriptor == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError();
    }

    /// <summary>The descriptor behind a stream that <see cref="OpenInput"/>, <see cref="OpenOutput"/> or <see cref="CreateOutput"/> gave.</summary>
    /// <param name="standard">The one of a stream that has no file of its own: 0, 1 or 2.</param>
    public static SafeFileHandle HandleOf(Stream stream, int standard) =>
        stream is FileStream file ? file.SafeFileHandle : new SafeFileHandle(standard, ownsHandle: false);

    /// <summary>Creates or overwrites a file. Nothing is lost of a file that is refused.</summary>
    /// <param name="inUse">Files that are read or written in the same run, by whatever name.</param>
    /// <exception cref="UsageException">It cannot be written, or is one of those in use.</exception>
    public static FileStream CreateOutput(string path, params SafeFileHandle[] inUse)
    {
        if (path.Length == 0) throw new UsageException("found an empty name, expected a file to write.");
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, 1);
            if (FileIdentity.Of(file.SafeFileHandle) is { } identity)
            {
                if (inUse.Any(other => FileIdentity.Of(other) == identity))
                {
                    file.Dispose();
                    throw new UsageException($"{path} is a file that is read or written already: expected another one for this output.");
                }

                file.SetLength(0); // not when it was opened: by then nobody had looked whose content it is
            }

            return file;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be written: {exception.Message}", exception);
        }
    }
}
