"""Texts from a seeded generator that knows Unicode: what tokenizers of two languages are compared on."""

import random
import unicodedata

SPECIALS = ["<s>", "</s>", "[CLS]", "[MASK]", "<|im_end|>", "<tool>", "New York", "<lower>"]

PHRASES = [
    "The quick brown fox jumps over the lazy dog.",
    "I'm sure you've said it's John's; they'll go, WE'LL GO, DON'T!",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ σας ΑΣ, Σ Σ.Σ ΌΣΟΣ",
    "İstanbul ıI Iİ DİYARBAKIR",
    "Größe straße STRASSE ẞ ﬁne ﬂow ﬆone ŉ ǰ",
    "naïve café résumé Ünïcödé",
    "東京 tower 北京大学 你好，世界！「テスト」カタカナ ｶﾀｶﾅ ひらがな",
    "한국어 텍스트 각 힣",
    "नमस्ते दुनिया क्षेत्र १२३ ४५",
    "السلام عليكم ١٢٣ لَا إِلٰهَ",
    "שלום עולם ,בְּרֵאשִׁית",
    "สวัสดีชาวโลก ภาษาไทย ๑๒๓",
    "x² ½ Ⅻ ① ㊷ 10⁻³ ∑∫√ ≤≥≠ µ Ω Å",
    "def f(x):\n    return x ** 2  # comment\n\n\tif (a && b) { c[i] += 'q'; }\r\n",
    '{"key": [1, 2.50, -3e10, null], "a_b": "c\\n"}',
    "<html><body class='x'>&amp;</body></html>",
    "https://example.org/a-b_c?d=1&e=%20#f user@mail.com",
    "1234567 12,345.678 00 3.14 1e5 0xFF",
    "...?!;:,-- __init__ @#$%^&*()+=[]{}|\\`~",
    "«guillemets» “quotes” ‘single’ – — … ‽ ¿¡ ؟ 。、",
    "l' amour d ' eau , . n't 'm do not 's 've 're ?",
]

EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "1️⃣", "🧑🏿‍🚀", "☺", "🫠"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", "\u00a0", "\u2003", "\u3000", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\u200b", "\ufeff", "\u1680", "\u202f", "\u205f", "\u180e"]
CONTROLS = ["\x00", "\x01", "\x07", "\x1b", "\x1c", "\x1f", "\x7f", "\x80", "\x9f", "\u00ad", "\u200e", "\u200d", "\u2060", "\ufffd", "\ufffe", "\U000e0001", "\ue000", "\uffff"]
# Blocks of scripts: first and last code point.
SCRIPTS = [
    (0x21, 0x7E), (0x21, 0x7E), (0xA1, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x58F),
    (0x591, 0x5F4), (0x600, 0x6FF), (0x700, 0x74F), (0x780, 0x7BF), (0x7C0, 0x85E), (0x900, 0x97F), (0x980, 0x9FE),
    (0xA01, 0xA76), (0xA81, 0xAFF), (0xB01, 0xB77), (0xB82, 0xBFA), (0xC00, 0xC7F), (0xC80, 0xCF2), (0xD00, 0xD7F),
    (0xD81, 0xDF4), (0xE01, 0xE5B), (0xE81, 0xEDF), (0xF00, 0xFDA), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF),
    (0x1200, 0x139F), (0x13A0, 0x13FD), (0x1400, 0x167F), (0x1680, 0x16F8), (0x1780, 0x17F9), (0x1800, 0x18AA),
    (0x1D00, 0x1DBF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFE), (0x2010, 0x205E), (0x2070, 0x209C), (0x20A0, 0x20C0),
    (0x2100, 0x218B), (0x2190, 0x23FF), (0x2460, 0x27BF), (0x2C00, 0x2DFF), (0x2E00, 0x2E5D), (0x2E80, 0x2FD5),
    (0x3001, 0x303F), (0x3041, 0x30FF), (0x3105, 0x318E), (0x3200, 0x33FF), (0x3400, 0x3600), (0x4E00, 0x9FFF),
    (0xA000, 0xA4C6), (0xA640, 0xA69F), (0xA720, 0xA7CA), (0xAB30, 0xAB6B), (0xAC00, 0xD7A3), (0xF900, 0xFAD9),
    (0xFB00, 0xFB4F), (0xFB50, 0xFDFF), (0xFE10, 0xFE6B), (0xFF01, 0xFFEE), (0x10000, 0x100FA), (0x10300, 0x1034A),
    (0x10400, 0x104FF), (0x10800, 0x10855), (0x10900, 0x1091B), (0x10A00, 0x10A58), (0x11000, 0x1106F), (0x11100, 0x11147),
    (0x12000, 0x12399), (0x13000, 0x1342E), (0x16A40, 0x16A69), (0x1D165, 0x1D1C0), (0x1D400, 0x1D7FF), (0x1E800, 0x1E8D6),
    (0x1E900, 0x1E959), (0x1EE00, 0x1EEF1), (0x1F100, 0x1F1AC), (0x1F300, 0x1FAF6), (0x20000, 0x20100), (0x2A700, 0x2A720),
    (0x2F800, 0x2FA1D), (0x30000, 0x30010),
]
MARKS = [chr(c) for c in [*range(0x300, 0x36F), 0x5B0, 0x64B, 0x94D, 0x93C, 0xE48, 0x1AB0, 0x20D0, 0x20E3, 0x3099, 0xFE0F, 0xFE20]]


def character(rng: random.Random) -> str:
    first, last = rng.choice(SCRIPTS)
    while True:
        char = chr(rng.randint(first, last))
        if unicodedata.category(char) not in ("Cn", "Cs"):
            return char


def word(rng: random.Random) -> str:
    first, last = rng.choice(SCRIPTS)
    letters = []
    while len(letters) < rng.randint(1, 8):
        char = chr(rng.randint(first, last))
        if unicodedata.category(char) in ("Cn", "Cs"):
            continue
        letters.append(char)
        if rng.random() < 0.1:
            letters.append(rng.choice(MARKS))
    made = "".join(letters)
    return rng.choice([made, made, made.upper(), made.lower(), made.title()])


def piece(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.3:
        phrase = rng.choice(PHRASES)
        start = rng.randint(0, max(0, len(phrase) - 6))
        return phrase[start : start + rng.randint(2, 24)]
    if kind < 0.5:
        return word(rng)
    if kind < 0.58:
        return "".join(rng.choice("aeiou nstrxk" + "ABC") for _ in range(rng.randint(1, 12)))
    if kind < 0.64:
        return rng.choice(EMOJI)
    if kind < 0.78:
        return rng.choice(SPACES)
    if kind < 0.82:
        return rng.choice(CONTROLS)
    if kind < 0.87:
        return rng.choice(SPECIALS)
    if kind < 0.92:
        return str(rng.randint(0, 10 ** rng.randint(1, 9)))
    return character(rng)


def texts(count: int, seed: int = 20260) -> list[str]:
    rng = random.Random(seed)
    made = ["", " ", "  ", "\n", "a", *PHRASES]
    while len(made) < count:
        kind = rng.random()
        if kind < 0.01:  # a very long word
            made.append(rng.choice(["a", "ab", "é", "字", "x1", "🙂", "-"]) * rng.randint(60, 300))
        elif kind < 0.02:  # half of a surrogate pair
            made.append("cut " + rng.choice(["\ud83d", "\ude00", "\ud800x", "\udfff\ud800"]))
        elif kind < 0.12:  # a sentence of one script
            made.append(" ".join(word(rng) for _ in range(rng.randint(2, 8))))
        else:
            made.append("".join(piece(rng) for _ in range(rng.randint(1, 9))))
    return made
