namespace MtlStream.Registry.Protobuf;

/// <summary>Places in the text of a .proto file. Comments and strings are passed over.</summary>
internal static class ProtoText
{
    private readonly record struct Token(int Start, int End);

    /// <summary>Most brackets that are open at once.</summary>
    public static int LevelsOf(string text)
    {
        var (open, most) = (0, 0);
        foreach (var token in Tokens(text))
        {
            if (text[token.Start] is '{' or '[' or '(' or '<') most = Math.Max(most, ++open);
            else if (text[token.Start] is '}' or ']' or ')' or '>') open = Math.Max(0, open - 1);
        }
        return most;
    }

    /// <summary>Where the body of a message ends: the index of its closing brace; -1 when the file has no such message.</summary>
    /// <param name="path">Names from the outermost message to it.</param>
    public static int EndOf(string text, IReadOnlyList<string> path) => BodyOf(text, path).End;

    /// <summary>The text without one nested message of a message, and without the field of a name.</summary>
    public static string Without(string text, IReadOnlyList<string> path, string nested, string field)
    {
        var inner = BodyOf(text, [.. path, nested]);
        if (inner.End >= 0) text = text.Remove(inner.Declared, inner.End + 1 - inner.Declared);
        var body = BodyOf(text, path);
        return FieldOf(text, body.Start, body.End, field) is (var from, var to) ? text.Remove(from, to - from) : text;
    }

    private static (int Declared, int Start, int End) BodyOf(string text, IReadOnlyList<string> path)
    {
        var names = new List<string?>(); // of the blocks that are open; null for what is no message
        var (declared, start) = (-1, -1);
        var tokens = Tokens(text).ToList();
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = text[tokens[i].Start..tokens[i].End];
            if (token == "{")
            {
                var isMessage = i >= 2 && text[tokens[i - 2].Start..tokens[i - 2].End] == "message";
                names.Add(isMessage ? text[tokens[i - 1].Start..tokens[i - 1].End] : null);
                if (start < 0 && names.SequenceEqual(path)) (declared, start) = (tokens[i - 2].Start, tokens[i].End);
            }
            else if (token == "}" && names.Count > 0)
            {
                if (start >= 0 && names.SequenceEqual(path)) return (declared, start, tokens[i].Start);
                names.RemoveAt(names.Count - 1);
            }
        }
        return (-1, -1, -1);
    }

    /// <summary>The statement that declares a field directly in a body.</summary>
    private static (int From, int To)? FieldOf(string text, int start, int end, string field)
    {
        var depth = 0;
        var begins = -1;
        var isIt = false;
        foreach (var token in Tokens(text))
        {
            if (token.Start < start || token.End > end) continue;
            var word = text[token.Start..token.End];
            if (begins < 0) begins = token.Start;
            if (word == "=" && depth == 0) isIt = text[begins..token.Start].TrimEnd().EndsWith(" " + field, StringComparison.Ordinal);
            depth += word is "{" or "[" ? 1 : word is "}" or "]" ? -1 : 0;
            if (depth > 0 || word is not (";" or "}")) continue;
            if (isIt) return (begins, token.End);
            begins = -1;
            isIt = false;
        }
        return null;
    }

    private static IEnumerable<Token> Tokens(string text)
    {
        var at = 0;
        while (at < text.Length)
        {
            var c = text[at];
            if (c == '/' && at + 1 < text.Length && text[at + 1] is '/' or '*') at = AfterComment(text, at);
            else if (c is '"' or '\'') at = AfterString(text, at);
            else if (char.IsWhiteSpace(c)) at++;
            else
            {
                var start = at++;
                while (IsWord(c) && at < text.Length && IsWord(text[at])) at++;
                yield return new(start, at);
            }
        }
    }

    private static bool IsWord(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.';

    private static int AfterComment(string text, int at)
    {
        var isLine = text[at + 1] == '/';
        var end = text.IndexOf(isLine ? "\n" : "*/", at + 2, StringComparison.Ordinal);
        return end < 0 ? text.Length : end + (isLine ? 1 : 2);
    }

    private static int AfterString(string text, int at)
    {
        var quote = text[at++];
        while (at < text.Length && text[at] != quote) at += text[at] == '\\' ? 2 : 1;
        return Math.Min(at + 1, text.Length);
    }
}
