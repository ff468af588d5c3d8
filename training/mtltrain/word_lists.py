"""Classes of characters and lists of words that `words.py` looks things up in; `WordRules.cs` holds the same.

Fixed ranges, no Unicode tables.
"""

from __future__ import annotations

LETTER, DIGIT, SPACE, IDEOGRAPH, EMOJI, MODIFIER, SYMBOL = range(7)

_NON_ASCII = (
    # Last code point of the range, class. Sorted; anything above the last entry is a LETTER.
    (0x9F, SPACE), (0xA0, SPACE), (0xA9, SYMBOL), (0xAA, LETTER), (0xAC, SYMBOL), (0xAD, MODIFIER),
    (0xB1, SYMBOL), (0xB3, LETTER), (0xB4, SYMBOL), (0xB5, LETTER), (0xB8, SYMBOL), (0xBA, LETTER),
    (0xBB, SYMBOL), (0xBE, LETTER), (0xBF, SYMBOL), (0xD6, LETTER), (0xD7, SYMBOL), (0xF6, LETTER),
    (0xF7, SYMBOL), (0x167F, LETTER), (0x1680, SPACE), (0x1FFF, LETTER), (0x200B, SPACE), (0x200F, MODIFIER),
    (0x2027, SYMBOL), (0x2029, SPACE), (0x202E, MODIFIER), (0x202F, SPACE), (0x205E, SYMBOL), (0x205F, SPACE),
    (0x206F, MODIFIER), (0x209F, LETTER), (0x20CF, SYMBOL), (0x20FF, MODIFIER), (0x218F, LETTER),
    (0x25FF, SYMBOL), (0x27BF, EMOJI), (0x2AFF, SYMBOL), (0x2BFF, EMOJI), (0x2DFF, LETTER), (0x2E7F, SYMBOL),
    (0x2FFF, IDEOGRAPH), (0x3000, SPACE), (0x3004, SYMBOL), (0x3007, IDEOGRAPH), (0x3020, SYMBOL),
    (0x3029, IDEOGRAPH), (0x3030, SYMBOL), (0x303F, SYMBOL), (0x31FF, LETTER), (0x33FF, IDEOGRAPH),
    (0x4DBF, IDEOGRAPH), (0x4DFF, SYMBOL), (0x9FFF, IDEOGRAPH), (0xDFFF, LETTER), (0xF8FF, LETTER),
    (0xFAFF, IDEOGRAPH), (0xFDFF, LETTER), (0xFE0F, MODIFIER), (0xFE1F, SYMBOL), (0xFE2F, MODIFIER),
    (0xFE6F, SYMBOL), (0xFEFE, LETTER), (0xFEFF, SPACE), (0xFF0F, SYMBOL), (0xFF19, LETTER), (0xFF20, SYMBOL),
    (0xFF3A, LETTER), (0xFF40, SYMBOL), (0xFF5A, LETTER), (0xFF65, SYMBOL), (0xFFDF, LETTER), (0xFFFC, SYMBOL),
    (0x1EFFF, LETTER), (0x1F3FA, EMOJI), (0x1F3FF, MODIFIER), (0x1FAFF, EMOJI), (0x1FFFF, LETTER),
    (0x3FFFF, IDEOGRAPH), (0xDFFFF, LETTER), (0xE01EF, MODIFIER),
)


def char_class(c: int) -> int:
    if c < 0x80:
        return _ASCII[c]
    low, high = 0, len(_NON_ASCII)
    while low < high:
        middle = (low + high) // 2
        if _NON_ASCII[middle][0] < c:
            low = middle + 1
        else:
            high = middle
    return LETTER if low == len(_NON_ASCII) else _NON_ASCII[low][1]


_ASCII = [
    SPACE if c <= 32 or c == 127
    else DIGIT if 48 <= c <= 57
    else LETTER if 65 <= c <= 90 or 97 <= c <= 122
    else SYMBOL
    for c in range(128)
]

# Words written as one that are two: where they are cut.
CUTS = {
    "cannot": 3, "gonna": 3, "gotta": 3, "wanna": 3, "outta": 3, "gimme": 3, "lemme": 3, "alot": 1,
    "dont": 2, "doesnt": 4, "didnt": 3, "cant": 2, "wont": 2, "couldnt": 5, "wouldnt": 5, "shouldnt": 6,
    "isnt": 2, "arent": 3, "wasnt": 3, "werent": 4, "havent": 4, "hasnt": 3, "hadnt": 3, "aint": 2,
    "im": 1, "ive": 1, "youre": 3, "youve": 3, "youll": 3, "theyre": 4, "theyve": 4, "weve": 2,
    "thats": 4, "whats": 4, "heres": 4, "theres": 5, "hes": 2, "shes": 3, "lets": 3, "itll": 2,
    "dunno": 2, "c'mon": 3, "d'you": 2,
}

ABBREVIATIONS = frozenset(
    """dr mr mrs ms st sts jr sr prof rev gen lt col capt sgt maj gov sen rep reps sens pres hon pvt
    inc corp co ltd bros vs etc no vol dept est approx ext attn tel fax mob ave blvd rd ft mt apt
    jan feb mar apr jun jul aug sept sep oct nov dec mon tue tues wed thu thur thurs fri
    eg ie al ps cf esp conf sec sc para arrv lv lb lbs oz yrs hrs mins ph ed eds fig pp ca
    la va pa ass't que calif fla ariz conn mass mich minn tenn wash wis""".split()
)

PREFIXES = frozenset(
    """e non anti pre re mid post over co pro multi ex semi sub cross neo counter psycho socio intra
    un mis micro ultra""".split()
)

TOP_LEVEL = frozenset(
    """com org net edu gov mil info biz int co uk us ca au de fr ru nz ie jp cn in eu io tv ly me
    doc docx xls xlsx pdf ppt txt htm html asp aspx php jpg jpeg gif png mp3 mp4 avi exe zip url dtf""".split()
)

NEWSGROUPS = frozenset("alt comp misc rec sci soc talk ba".split())

# Browsers and servers take no longer ones. A bound at all, because an address may start behind every mention.
LONGEST_ADDRESS = 2000

UNITS = frozenset(
    """am pm k m mm b bn t kg ft lb lbs cm km mph hrs hr min mins f c p hh hz khz mhz ghz kb mb gb tb
    mg ml oz yr yrs watt kw mw mwh pts""".split()
)

SLASHED = frozenset("b/c w/o w/out l/c i/c i/s b/t n/a a/c c/o f/2 24/7".split())

CURRENCIES = frozenset("us u au a c ca nz hk".split())

ELISIONS = frozenset("em til tis twas cause cuz bout n nuff".split())

EMOTICONS = (
    ":-)", ":-(", ";-)", ":-D", ":-P", ":-p", ":-/", ":-|", ":'(", ":')", ">:(", ":o)", ":^)", "^_^", "-_-",
    ":)", ":(", ";)", ":D", ":P", ":p", ":/", ":|", ":O", ":o", "=)", "=(", "=D", "(:", "<3", ";D", ";P",
)
