using System.Collections.Frozen;

namespace MtlStream.Text;

/// <summary>What a character is to the word splitter. Fixed ranges, no Unicode tables.</summary>
internal enum CharClass : byte
{
    Letter,
    Digit,
    Space,
    Ideograph,
    Emoji,
    Modifier,
    Symbol,
}

/// <summary>Lists that a short word may be on.</summary>
[Flags]
internal enum WordLists : short
{
    None = 0,
    Abbreviation = 1,
    Prefix = 2,
    TopLevel = 4,
    Newsgroup = 8,
    Unit = 16,
    Slashed = 32,
    Currency = 64,
    Elision = 128,
    Clitic = 256,
    Degree = 512,
}

/// <summary>Word lists and character classes of <see cref="WordSplitter"/>.</summary>
internal static class WordRules
{
    // Last code point of the range, class. Sorted; anything above the last entry is a letter.
    private static readonly (int Last, CharClass Class)[] NonAscii =
    [
        (0x9F, CharClass.Space), (0xA0, CharClass.Space), (0xA9, CharClass.Symbol), (0xAA, CharClass.Letter),
        (0xAC, CharClass.Symbol), (0xAD, CharClass.Modifier), (0xB1, CharClass.Symbol), (0xB3, CharClass.Letter),
        (0xB4, CharClass.Symbol), (0xB5, CharClass.Letter), (0xB8, CharClass.Symbol), (0xBA, CharClass.Letter),
        (0xBB, CharClass.Symbol), (0xBE, CharClass.Letter), (0xBF, CharClass.Symbol), (0xD6, CharClass.Letter),
        (0xD7, CharClass.Symbol), (0xF6, CharClass.Letter), (0xF7, CharClass.Symbol), (0x2BB, CharClass.Letter), (0x2BC, CharClass.Symbol), (0x167F, CharClass.Letter),
        (0x1680, CharClass.Space), (0x1FFF, CharClass.Letter), (0x200B, CharClass.Space), (0x200F, CharClass.Modifier),
        (0x2027, CharClass.Symbol), (0x2029, CharClass.Space), (0x202E, CharClass.Modifier), (0x202F, CharClass.Space),
        (0x205E, CharClass.Symbol), (0x205F, CharClass.Space), (0x206F, CharClass.Modifier), (0x209F, CharClass.Letter),
        (0x20CF, CharClass.Symbol), (0x20FF, CharClass.Modifier), (0x218F, CharClass.Letter), (0x25FF, CharClass.Symbol),
        (0x27BF, CharClass.Emoji), (0x2AFF, CharClass.Symbol), (0x2BFF, CharClass.Emoji), (0x2DFF, CharClass.Letter),
        (0x2E7F, CharClass.Symbol), (0x2FFF, CharClass.Ideograph), (0x3000, CharClass.Space), (0x3004, CharClass.Symbol),
        (0x3007, CharClass.Ideograph), (0x3020, CharClass.Symbol), (0x3029, CharClass.Ideograph), (0x303F, CharClass.Symbol),
        (0x31FF, CharClass.Letter), (0x4DBF, CharClass.Ideograph), (0x4DFF, CharClass.Symbol), (0x9FFF, CharClass.Ideograph),
        (0xF8FF, CharClass.Letter), (0xFAFF, CharClass.Ideograph), (0xFDFF, CharClass.Letter), (0xFE0F, CharClass.Modifier),
        (0xFE1F, CharClass.Symbol), (0xFE2F, CharClass.Modifier), (0xFE6F, CharClass.Symbol), (0xFEFE, CharClass.Letter),
        (0xFEFF, CharClass.Space), (0xFF0F, CharClass.Symbol), (0xFF19, CharClass.Letter), (0xFF20, CharClass.Symbol),
        (0xFF3A, CharClass.Letter), (0xFF40, CharClass.Symbol), (0xFF5A, CharClass.Letter), (0xFF65, CharClass.Symbol),
        (0xFFDF, CharClass.Letter), (0xFFFC, CharClass.Symbol), (0x1EFFF, CharClass.Letter), (0x1F3FA, CharClass.Emoji),
        (0x1F3FF, CharClass.Modifier), (0x1FAFF, CharClass.Emoji), (0x1FFFF, CharClass.Letter),
        (0x3FFFF, CharClass.Ideograph), (0xDFFFF, CharClass.Letter), (0xE01EF, CharClass.Modifier),
    ];

    private static readonly (WordLists List, string Words)[] Lists =
    [
        (WordLists.Abbreviation, """
            dr mr mrs ms st sts jr sr prof rev gen lt col capt sgt maj gov sen rep reps sens pres hon pvt
            inc corp co ltd bros vs etc no vol dept est approx ext attn tel fax mob ave blvd rd ft mt apt
            jan feb mar apr jun jul aug sept sep oct nov dec mon tue tues wed thu thur thurs fri
            eg ie al ps cf esp conf sec sc para arrv lv lb lbs oz yrs hrs mins ph ed eds fig pp ca
            la va pa ass't que calif fla ariz conn mass mich minn tenn wash wis
            """),
        (WordLists.Prefix, """
            e non anti pre re mid post over co pro multi ex semi sub cross neo counter psycho socio intra
            un mis micro ultra
            """),
        (WordLists.TopLevel, """
            com org net edu gov mil info biz int co uk us ca au de fr ru nz ie jp cn in eu io tv ly me
            doc docx xls xlsx pdf ppt txt htm html asp aspx php jpg jpeg gif png mp3 mp4 avi exe zip url dtf
            """),
        (WordLists.Newsgroup, "alt comp misc rec sci soc talk ba"),
        (WordLists.Unit, """
            am pm k m mm b bn t kg ft lb lbs cm km mph hrs hr min mins f c p hh hz khz mhz ghz kb mb gb tb
            mg ml oz yr yrs watt kw mw mwh pts
            """),
        (WordLists.Slashed, "b/c w/o w/out l/c i/c i/s b/t n/a a/c c/o f/2 24/7"),
        (WordLists.Currency, "us u au a c ca nz hk"),
        (WordLists.Elision, "em til tis twas cause cuz bout n nuff"),
        (WordLists.Clitic, "s m re ve ll d"),
        (WordLists.Degree, """
            ph.d ed.d psy.d pharm.d litt.d sc.d th.d th.m dr.ph ll.b ll.m ll.d ed.m ed.s ph.l
            b.sc m.sc d.sc b.ed m.ed d.ed b.eng m.eng d.eng b.tech m.tech b.com m.com b.comm m.comm b.arch m.arch
            b.mus m.mus d.mus b.phil m.phil d.phil m.litt d.litt b.litt b.pharm m.pharm b.th m.th d.th m.div d.min
            b.mgt m.res m.stat d.psych b.ch m.ch
            """),
    ];

    // Words written as one that are two, with the length of the first; "dunno" is three.
    private const string Cuts = """
        cannot 3 gonna 3 gotta 3 wanna 3 outta 3 gimme 3 lemme 3 alot 1
        dont 2 doesnt 4 didnt 3 cant 2 wont 2 couldnt 5 wouldnt 5 shouldnt 6
        isnt 2 arent 3 wasnt 3 werent 4 havent 4 hasnt 3 hadnt 3 aint 2
        im 1 ive 1 youre 3 youve 3 youll 3 theyre 4 theyve 4 weve 2
        thats 4 whats 4 heres 4 theres 5 hes 2 shes 3 lets 3 itll 2
        dunno 2 c'mon 3 d'you 2
        """;

    // Class of every UTF-16 unit. A unit of a surrogate pair stands for nothing here; an unpaired one is a letter.
    private static readonly CharClass[] Units = BuildUnits();

    private static readonly FrozenDictionary<ulong, (WordLists Lists, byte Cut)> Entries = BuildEntries();

    /// <summary>Emoticons, longer ones first.</summary>
    public static readonly string[] Emoticons =
    [
        ":-)", ":-(", ";-)", ":-D", ":-P", ":-p", ":-/", ":-|", ":'(", ":')", ">:(", ":o)", ":^)", "^_^", "-_-",
        ":)", ":(", ";)", ":D", ":P", ":p", ":/", ":|", ":O", ":o", "=)", "=(", "=D", "(:", "<3", ";D", ";P",
    ];

    /// <summary>Marks that people write for an apostrophe.</summary>
    public static bool IsApostrophe(char c) => IsLetterlike(c) || c is '`' or '‘' or '\u2032';

    /// <summary>Apostrophes that may stand inside of a name, as in O'Connell; the others also open quotations.</summary>
    public static bool IsLetterlike(char c) => c is '\'' or '’' or '´' or '\u02BC' or '\u201B' or '\uFF07';

    /// <summary>Spaces that nobody sees: the zero-width space, and the byte order mark as a zero-width no-break space.</summary>
    public static bool HasNoWidth(char c) => c is '\u200B' or '\uFEFF';

    /// <summary>Letters of Latin, Greek, Cyrillic and Armenian, whose words are parted by spaces that people see.</summary>
    public static bool IsSpacedLetter(char c) => c < '\u0590' && ClassOf(c) == CharClass.Letter;

    /// <summary>Hyphens; dashes are none.</summary>
    public static bool IsHyphen(char c) => c is '-' or '\u2010' or '\u2011' or '\uFE63' or '\uFF0D';

    public static CharClass ClassOf(char unit) => Units[unit];

    public static CharClass ClassOf(int codePoint)
    {
        if (codePoint <= char.MaxValue) return Units[codePoint];
        var (low, high) = (0, NonAscii.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (NonAscii[middle].Last < codePoint) low = middle + 1;
            else high = middle;
        }
        return low == NonAscii.Length ? CharClass.Letter : NonAscii[low].Class;
    }

    /// <summary>
    /// The word in lower case (ASCII only, every apostrophe as ') as a number, its first character lowest; 0 when no entry
    /// can be like it.
    /// </summary>
    public static ulong KeyOf(ReadOnlySpan<char> word)
    {
        if (word.Length > 8) return 0;
        var key = 0UL;
        for (var i = 0; i < word.Length; i++)
        {
            uint c = word[i];
            if (c - 'A' <= 'Z' - 'A') c |= 0x20;
            else if (c >= 0x80 || c == '`')
            {
                if (!IsApostrophe((char)c)) return 0;
                c = '\'';
            }
            key |= (ulong)c << (8 * i);
        }
        return key;
    }

    public static WordLists ListsOf(ReadOnlySpan<char> word) =>
        Entries.TryGetValue(KeyOf(word), out var entry) ? entry.Lists : WordLists.None;

    /// <summary>Where the word is cut in two; 0 for nowhere.</summary>
    public static int CutOf(ReadOnlySpan<char> word) => Entries.TryGetValue(KeyOf(word), out var entry) ? entry.Cut : 0;

    private static CharClass[] BuildUnits()
    {
        var units = new CharClass[0x10000];
        var range = 0;
        for (var c = 0; c < units.Length; c++)
        {
            if (c >= 0x80)
            {
                while (NonAscii[range].Last < c) range++;
                units[c] = NonAscii[range].Class;
            }
            else
            {
                units[c] = c is <= ' ' or 0x7F ? CharClass.Space
                    : char.IsAsciiDigit((char)c) ? CharClass.Digit
                    : char.IsAsciiLetter((char)c) ? CharClass.Letter
                    : CharClass.Symbol;
            }
        }
        return units;
    }

    private static FrozenDictionary<ulong, (WordLists, byte)> BuildEntries()
    {
        var entries = new Dictionary<ulong, (WordLists Lists, byte Cut)>();
        foreach (var (list, words) in Lists)
        {
            foreach (var word in words.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            {
                var entry = entries.GetValueOrDefault(KeyOf(word));
                entries[KeyOf(word)] = (entry.Lists | list, entry.Cut);
            }
        }
        var cuts = Cuts.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < cuts.Length; i += 2)
        {
            var entry = entries.GetValueOrDefault(KeyOf(cuts[i]));
            entries[KeyOf(cuts[i])] = (entry.Lists, (byte)(cuts[i + 1][0] - '0'));
        }
        return entries.ToFrozenDictionary();
    }
}
