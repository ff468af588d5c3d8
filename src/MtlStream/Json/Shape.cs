namespace MtlStream.Json;

/// <summary>What a value may be, for formats that must declare it.</summary>
public abstract record Shape
{
    private Shape()
    {
    }

    public static Shape Text { get; } = new Scalar(ScalarKind.Text);

    public static Shape Whole { get; } = new Scalar(ScalarKind.Whole);

    public static Shape Number { get; } = new Scalar(ScalarKind.Number);

    public static Shape Flag { get; } = new Scalar(ScalarKind.Flag);

    public enum ScalarKind
    {
        Text,

        /// <summary>A whole number of 32 bits.</summary>
        Whole,

        /// <summary>A floating-point number of 64 bits.</summary>
        Number,
        Flag,
    }

    public sealed record Scalar(ScalarKind Kind) : Shape;

    /// <param name="Optional">Whether it may be null or missing.</param>
    public sealed record Field(string Name, Shape Shape, bool Optional = false);

    /// <summary>An object with these members, in this order.</summary>
    public sealed record Fields(IReadOnlyList<Field> All) : Shape;

    public sealed record ListOf(Shape Element) : Shape;

    /// <summary>An object with members of any name.</summary>
    public sealed record MapOf(Shape Value) : Shape;
}
