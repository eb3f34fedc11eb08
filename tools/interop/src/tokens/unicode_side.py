"""What the Rust library and its regular expressions know of each character, by asking them: python unicode_side.py, JSON on stdout."""

import json
import sys
import unicodedata

from tokenizers import Regex, normalizers, pre_tokenizers

CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]


def ranges(holds) -> list[list[int]]:
    found = []
    for char in CHARACTERS:
        if not holds(char):
            continue
        code = ord(char)
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def bert(**options):
    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return normalizers.BertNormalizer(**{**off, **options})


punctuation = pre_tokenizers.Punctuation("removed")
unassigned = pre_tokenizers.Split(Regex(r"\p{Cn}"), "removed")
clean, strip, accents = bert(clean_text=True), bert(strip_accents=True), normalizers.StripAccents()
nfd, nfkd = normalizers.NFD(), normalizers.NFKD()

json.dump(
    {
        "punctuation": ranges(lambda char: not punctuation.pre_tokenize_str(char)),
        "cleaned": ranges(lambda char: clean.normalize_str(char) == ""),
        "bertMarks": ranges(lambda char: strip.normalize_str(char) == ""),
        "marks": ranges(lambda char: accents.normalize_str(char) == ""),
        "unassigned": ranges(lambda char: not unassigned.pre_tokenize_str(char)),
        # How a character stands to one mark below (class 220) and one above (230) tells its combining class from 0.
        "decomposed": [nfd.normalize_str(char) for char in CHARACTERS],
        "compatible": [nfkd.normalize_str(char) for char in CHARACTERS],
        "ordered": [nfd.normalize_str(f"a\u0301{char}\u0316") for char in CHARACTERS],
    },
    sys.stdout,
)
