using Google.Protobuf;
using MtlStream.Text.SentencePiece;

namespace MtlStream.Text;

/// <summary>SentencePiece's Unigram, from a <c>.model</c> file. Text that spells a control piece is ordinary text.</summary>
/// <remarks>
/// Same ids and ranges as SentencePiece 0.1.97, but that white space in front of a token is no part of its range. Not by
/// Microsoft.ML.Tokenizers: 2.0.1 does not tell where in the text tokens come from, takes whole texts only, makes many tokens of a run that
/// is unknown, and decides otherwise between equal scores.
/// </remarks>
internal sealed class UnigramTokenizer : SubwordTokenizer
{
    private const int MinUnits = 4096;

    private readonly Model _model;
    private readonly CharacterRules _rules;
    private readonly UnigramPieces _pieces;

    private UnigramTokenizer(string path, Model model, bool wraps)
    {
        _model = model;
        _rules = new CharacterRules(model.Normalizer.PrecompiledCharsmap.Span);
        UnknownId = Find(piece => piece.Kind == Piece.Types.Kind.Unknown, "of unknown text");
        ClsId = wraps ? Find(piece => piece.Text is "<s>" or "[CLS]", "<s> or [CLS]") : -1;
        SepId = wraps ? Find(piece => piece.Text is "</s>" or "[SEP]", "</s> or [SEP]") : -1;
        _pieces = new UnigramPieces(model, UnknownId);

        int Find(Func<Piece, bool> isIt, string name)
        {
            for (var id = 0; id < model.Pieces.Count; id++)
            {
                if (isIt(model.Pieces[id])) return id;
            }

            throw new InvalidDataException($"{path}: no piece {name} among {model.Pieces.Count}.");
        }
    }

    public override int ClsId { get; }

    public override int SepId { get; }

    public override int UnknownId { get; }

    /// <summary>Reads the model that the manifest names by the role <c>model</c>.</summary>
    /// <exception cref="InvalidDataException">The file is not there, is damaged, or asks for what is not supported.</exception>
    /// <param name="wraps">Whether the tokens that stand around a text are to be there.</param>
    public static UnigramTokenizer Load(TokenizerSettings settings, bool wraps = true)
    {
        var path = settings.FileOf("model");
        Model model;
        try
        {
            model = Model.Parser.ParseFrom(File.ReadAllBytes(path));
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new InvalidDataException($"{path} is no SentencePiece model: {exception.Message}", exception);
        }

        return Unsupported(model) is { } what ? throw new InvalidDataException($"{path}: {what}.") : new UnigramTokenizer(path, model, wraps);
    }

    /// <summary>A <c>.model</c> file of pieces that came another way.</summary>
    /// <param name="unknown">Index of the piece of what is not known; -1 for none.</param>
    /// <param name="isControl">Tells pieces that stand for no text.</param>
    public static byte[] ModelOf(IReadOnlyList<(string Text, float Score)> pieces, int unknown, Func<string, bool> isControl, byte[] charsmap)
    {
        var model = new Model
        {
            Trainer = new() { Kind = Trainer.Types.Kind.Unigram },
            Normalizer = new() { PrecompiledCharsmap = ByteString.CopyFrom(charsmap), AddDummyPrefix = true, RemoveExtraWhitespaces = true, EscapeWhitespaces = true },
        };
        for (var id = 0; id < pieces.Count; id++)
        {
            var kind = isControl(pieces[id].Text) ? Piece.Types.Kind.Control : Piece.Types.Kind.Normal;
            if (id == unknown) kind = Piece.Types.Kind.Unknown;
            model.Pieces.Add(new Piece { Text = pieces[id].Text, Score = pieces[id].Score, Kind = kind });
        }

        return model.ToByteArray();
    }

    /// <summary>Pieces that there are.</summary>
    public int Count => _model.Pieces.Count;

    public override string TokenText(int id) => _model.Pieces[id].Text;

    public override bool Encode(ReadOnlySpan<char> text, int offset, bool addWords, int limit, TokenizedText target)
    {
        var tokens = new SubwordWriter(text, offset, addWords, limit, target);
        // What cannot have more tokens than there is room for is whole. Only a run that is unknown, one token, can be longer and is cut.
        var most = (int)Math.Clamp((tokens.Room + 1L) * _pieces.Longest, MinUnits, int.MaxValue);
        var normalizer = _model.Normalizer;
        var normalized = new NormalizedText(text, _rules, normalizer.AddDummyPrefix, normalizer.RemoveExtraWhitespaces, most);
        var pieces = new List<(int Id, int End)>();
        var score = 0f;
        while (normalized.Read())
        {
            _pieces.Cut(normalized.Chunk, ref score, pieces);
            var starts = normalized.Starts;
            var start = starts[0];
            foreach (var (id, at) in pieces)
            {
                var end = at < starts.Length ? starts[at] : normalized.End;
                if (!tokens.Add(id, start, end)) return false;
                start = end;
            }
        }

        if (normalized.Cut) tokens.DropWord();
        return !normalized.Cut;
    }

    /// <summary>What the model asks for and is not supported; null when nothing.</summary>
    private static string? Unsupported(Model model)
    {
        if (model.Trainer is null || model.Normalizer is null) return "the trainer's or the normalizer's settings are missing";
        if (model.Trainer.Kind != Trainer.Types.Kind.Unigram) return $"the model is of kind {model.Trainer.Kind}; only Unigram is supported";
        if (model.Trainer.WhitespaceAsSuffix) return "white space is a suffix; it is supported as a prefix only";
        if (!model.Normalizer.EscapeWhitespaces) return "white space is not escaped; it is supported as U+2581 only";
        if (model.Pieces.All(piece => piece.Kind != Piece.Types.Kind.Normal)) return "there is no piece of text";
        foreach (var piece in model.Pieces)
        {
            if (piece.Kind is Piece.Types.Kind.Byte or Piece.Types.Kind.UserDefined) return $"a piece is of kind {piece.Kind}, which is not supported";
            if (piece.Text.LastIndexOf('\u2581') > 0) return "a piece reaches across white space, which is not supported";
        }

        return null;
    }
}
