namespace MtlStream.Host.Review;

/// <summary>Keys as they are pressed; characters of standard input where that is no terminal.</summary>
internal static class ReviewKeys
{
    public const char Undo = '-', CannotTell = '?', None = '.', More = '/', Enter = '\n', End = '!';

    /// <summary>The next word, the one before; a word more, one less.</summary>
    public const char Next = '>', Before = '<', Longer = ']', Shorter = '[';

    /// <summary>Keys of labels, in their order.</summary>
    public const string Labels = "1234567890abcdefghijklmnopqrstuvwxyz";

    /// <summary>The next key; <see cref="End"/> where no more come.</summary>
    public static char Read()
    {
        if (Console.IsInputRedirected) return Console.In.Read() is >= 0 and var read ? (char)read : End;
        var pressed = Console.ReadKey(intercept: true);
        return pressed.Key switch
        {
            ConsoleKey.Backspace => Undo,
            ConsoleKey.Escape => End,
            ConsoleKey.Tab => More,
            ConsoleKey.Enter => Enter,
            ConsoleKey.RightArrow => pressed.Modifiers.HasFlag(ConsoleModifiers.Shift) ? Longer : Next,
            ConsoleKey.LeftArrow => pressed.Modifiers.HasFlag(ConsoleModifiers.Shift) ? Shorter : Before,
            ConsoleKey.D when pressed.Modifiers.HasFlag(ConsoleModifiers.Control) => End,
            _ => char.ToLowerInvariant(pressed.KeyChar),
        };
    }
}
