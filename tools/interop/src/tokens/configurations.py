"""Tokenizer folders: each component of tokenizer.json alone and as published models combine them."""

import trained
from tokenizers import pre_tokenizers

SPECIAL = trained.SPECIAL
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
BYTES_ONLY = {**BYTE_LEVEL, "use_regex": False}
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = GPT4.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
DEEPSEEK = [
    r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-퟿]+",
]
DEEPSEEK3 = [
    r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def steps(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def replace(pattern, content, kind="String"):
    return {"type": "Replace", "pattern": {kind: pattern}, "content": content}


def bert(clean=True, chinese=True, accents=None, lower=True):
    return {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower}


def template(vocabulary, single, pair=None):
    def parsed(text):
        made = []
        for part in text.split():
            name, type_id = part.rsplit(":", 1)
            kind = "Sequence" if name in "AB" else "SpecialToken"
            made.append({kind: {"id": name, "type_id": int(type_id)}})
        return made

    names = {part.rsplit(":", 1)[0] for part in f"{single} {pair or ''}".split()} - {"A", "B"}
    special = {name: {"id": name, "ids": [vocabulary[name]], "tokens": [name]} for name in names}
    return {"type": "TemplateProcessing", "single": parsed(single), "pair": parsed(pair or single + " B:1"), "special_tokens": special}


def added(content, token_id, **flags):
    return {"id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": not flags.get("special", False), "special": False, **flags}


def ids_of(model) -> dict:
    vocabulary = model["vocab"]
    return vocabulary if isinstance(vocabulary, dict) else {token: index for index, (token, _) in enumerate(vocabulary)}


def folder(model, normalizer=None, pre=None, post=None, decoder=None, tokens=None, config=None, specials=("<s>", "</s>", "<unk>", "<pad>")):
    vocabulary = ids_of(model)
    own = [added(token, vocabulary[token], special=True) for token in specials if token in vocabulary]
    return {
        "tokenizer.json": {
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": own + (tokens or []),
            "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": post, "decoder": decoder, "model": model,
        },
        "config.json": {},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "clean_up_tokenization_spaces": False, **(config or {})},
    }


def components(m) -> dict:
    """m: the trained models."""
    words, pieces, bytes_, chars, uni = m["word_level"], m["word_piece"], m["byte_level"], m["fallback"], m["unigram"]
    size = len(ids_of(bytes_))
    made = {}
    normalizers = {
        "nfc": {"type": "NFC"}, "nfd": {"type": "NFD"}, "nfkc": {"type": "NFKC"}, "nfkd": {"type": "NFKD"},
        "lowercase": {"type": "Lowercase"}, "strip-accents": {"type": "StripAccents"},
        "nfd-strip-accents": steps("normalizers", {"type": "NFD"}, {"type": "StripAccents"}),
        "strip": {"type": "Strip", "strip_left": True, "strip_right": True}, "strip-right": {"type": "Strip", "strip_left": False, "strip_right": True},
        "nmt": {"type": "Nmt"}, "precompiled": {"type": "Precompiled", "precompiled_charsmap": m["charsmap"]},
        "replace": replace("a", "bb"), "replace-regex": replace(r"\s+|\d", "_", "Regex"), "prepend": {"type": "Prepend", "prepend": "x"},
        "bert": bert(), "bert-cased": bert(lower=False), "bert-accents": bert(accents=True, lower=False), "bert-lower-accents": bert(accents=False),
        "bert-plain": bert(False, False, False, False), "bert-clean": bert(True, False, False, False),
        "sequence": steps("normalizers", replace("``", '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, replace(" {2,}", " ", "Regex")),
    }
    for name, normalizer in normalizers.items():
        made[f"normalizer {name}"] = folder(bytes_, normalizer, BYTES_ONLY, decoder=BYTE_LEVEL)
    made["normalizer byte-level"] = folder(bytes_, {"type": "ByteLevel"}, None, decoder=BYTE_LEVEL)
    pres = {
        "whitespace": {"type": "Whitespace"}, "whitespace-split": {"type": "WhitespaceSplit"}, "bert": {"type": "BertPreTokenizer"},
        "digits": {"type": "Digits", "individual_digits": True}, "digits-groups": {"type": "Digits", "individual_digits": False},
        "delimiter": {"type": "CharDelimiterSplit", "delimiter": "a"}, "scripts": {"type": "UnicodeScripts"}, "fixed-length": {"type": "FixedLength", "length": 3},
        "split-word": split(r"\w+"), "split-digit": split(r"\d", "MergedWithPrevious"), "split-space": split(r"\s+", "Removed"), "split-boundary": split(r"\b"),
        "split-inverted": split(r"\w+|[^\w\s]+", "Removed", True), "split-string": split(" ", "MergedWithNext", kind="String"), "split-contiguous": split(r"[aeiou]", "Contiguous"),
        "split-posix": split(r"[[:alpha:]]+|[[:punct:]]", "Isolated"), "split-classes": split(r"[\p{Han}\p{Hiragana}]+|[^\p{Latin}&&[^0-9]]", "Isolated"),
    }
    for behavior in ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        pres[f"punctuation-{behavior}"] = {"type": "Punctuation", "behavior": behavior}
    for name, pre in pres.items():
        # Bytes behind, so that every cut shows in the ids.
        made[f"pre {name}"] = folder(bytes_, None, steps("pretokenizers", pre, BYTES_ONLY), decoder=BYTE_LEVEL)
    made["pre byte-level"] = folder(bytes_, None, BYTE_LEVEL, decoder=BYTE_LEVEL)
    made["pre byte-level-prefix"] = folder(bytes_, None, {**BYTE_LEVEL, "add_prefix_space": True}, decoder=BYTE_LEVEL)
    for scheme in ("always", "first", "never"):
        for parts in (True, False):
            made[f"pre metaspace-{scheme}-{parts}"] = folder(chars, None, metaspace(scheme, parts), decoder=metaspace(scheme, parts), tokens=[added("New York", len(ids_of(chars)))])
    made["model word-level"] = folder(words, None, {"type": "Whitespace"}, config={"unk_token": "[UNK]"})
    made["model word-piece"] = folder(pieces, None, {"type": "BertPreTokenizer"}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": True})
    made["model word-piece-long"] = folder({**pieces, "max_input_chars_per_word": 5, "continuing_subword_prefix": "##"}, None, {"type": "WhitespaceSplit"}, decoder={"type": "WordPiece", "prefix": "##", "cleanup": False})
    made["model unigram"] = folder(uni, None, metaspace(), decoder=metaspace())
    made["model unigram-bytes"] = folder(m["unigram_bytes"], None, metaspace(), decoder=steps("decoders", {"type": "ByteFallback"}, metaspace()))
    made["model unigram-no-unknown"] = folder({**uni, "unk_id": None}, None, metaspace(), decoder=metaspace())
    made["model bpe-no-unknown"] = folder({**m["plain"], "unk_token": None}, None, {"type": "Whitespace"}, config={"unk_token": None}, specials=())
    made["model bpe-unknown"] = folder(m["plain"], None, {"type": "Whitespace"})
    made["model bpe-fused-unknown"] = folder({**m["plain"], "fuse_unk": True}, None, {"type": "WhitespaceSplit"})
    made["model bpe-suffix"] = folder(m["suffix"], None, {"type": "Whitespace"}, decoder={"type": "BPEDecoder", "suffix": "</w>"})
    made["model bpe-prefix"] = folder(m["prefix"], None, {"type": "Whitespace"}, decoder={"type": "WordPiece", "prefix": "@@", "cleanup": True})
    made["model bpe-ignore-merges"] = folder({**bytes_, "ignore_merges": True, "merges": bytes_["merges"][::2] and [merge for merge in bytes_["merges"] if len("".join(merge)) < 4]}, None, BYTE_LEVEL, decoder=BYTE_LEVEL)
    made["model bpe-dropout"] = folder({**bytes_, "dropout": 0.1}, None, BYTE_LEVEL, decoder=BYTE_LEVEL)
    made["model bpe-whole-text"] = folder(chars, steps("normalizers", {"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")), None, decoder=steps("decoders", replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}), tokens=[added("New York", len(ids_of(chars))), added("<tool>", len(ids_of(chars)) + 1, normalized=False)])
    made["decoder none"] = folder(chars, None, metaspace())
    made["decoder ctc"] = folder(chars, None, metaspace(), decoder={"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "▁", "cleanup": True})
    made["decoder bpe"] = folder(m["suffix"], None, {"type": "WhitespaceSplit"}, decoder={"type": "BPEDecoder", "suffix": "</w>"})
    made["decoder replace-regex"] = folder(bytes_, None, BYTE_LEVEL, decoder=steps("decoders", BYTE_LEVEL, replace(r"\s+", "_", "Regex")))
    made["decoder strip"] = folder(bytes_, None, BYTE_LEVEL, decoder=steps("decoders", {"type": "Strip", "content": "a", "start": 2, "stop": 0}, BYTE_LEVEL))
    flags = [added("New York", size), added("<lower>", size + 1, normalized=False), added("<tool>", size + 2, special=True, lstrip=True, rstrip=True), added("quick", size + 3, single_word=True), added("ab", size + 4, single_word=True, normalized=False), added("İst", size + 5), added("é", size + 6)]
    made["added flags"] = folder(bytes_, None, BYTE_LEVEL, decoder=BYTE_LEVEL, tokens=flags)
    made["added flags-lowercase"] = folder(bytes_, {"type": "Lowercase"}, BYTE_LEVEL, decoder=BYTE_LEVEL, tokens=flags)
    made["added overlapping"] = folder(bytes_, {"type": "NFC"}, BYTE_LEVEL, decoder=BYTE_LEVEL, tokens=[added("<", size), added("<t", size + 1, special=True), added("<tool>", size + 2, special=True), added("  ", size + 3, rstrip=True), added("\n", size + 4, lstrip=True)])
    vocabulary = ids_of(bytes_)
    made["post template"] = folder(bytes_, None, BYTE_LEVEL, template(vocabulary, "<s>:0 A:0 </s>:0", "<s>:0 A:0 </s>:0 B:1 </s>:1"), BYTE_LEVEL)
    made["post bert"] = folder(bytes_, None, BYTE_LEVEL, {"type": "BertProcessing", "sep": ["[SEP]", vocabulary["[SEP]"]], "cls": ["[CLS]", vocabulary["[CLS]"]]}, BYTE_LEVEL)
    made["post roberta"] = folder(bytes_, None, BYTE_LEVEL, {"type": "RobertaProcessing", "sep": ["</s>", vocabulary["</s>"]], "cls": ["<s>", vocabulary["<s>"]], "trim_offsets": True, "add_prefix_space": False}, BYTE_LEVEL)
    made["post sequence"] = folder(bytes_, None, BYTE_LEVEL, steps("processors", BYTE_LEVEL, template(vocabulary, "<s>:0 A:0")), BYTE_LEVEL)
    made["post two templates"] = folder(bytes_, None, BYTE_LEVEL, steps("processors", template(vocabulary, "<s>:0 A:0"), template(vocabulary, "A:0 </s>:0")), BYTE_LEVEL)
    return made


def published(m) -> dict:
    """As the files of published models combine them."""
    bytes_, chars, uni = m["byte_level"], m["fallback"], m["unigram"]
    byte_ids, char_ids, uni_ids = ids_of(bytes_), ids_of(chars), ids_of(uni)
    size = len(byte_ids)
    marks = [added("<|im_start|>", size, special=True), added("<|im_end|>", size + 1, special=True), added("<tool>", size + 2, normalized=False)]
    llama_decoder = steps("decoders", replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0})
    gemma_decoder = steps("decoders", replace("▁", " "), {"type": "ByteFallback"}, {"type": "Fuse"})
    precompiled = {"type": "Precompiled", "precompiled_charsmap": m["charsmap"]}
    made = {
        "gpt-2": folder(bytes_, None, BYTE_LEVEL, BYTE_LEVEL, BYTE_LEVEL),
        "llama-3": folder({**bytes_, "ignore_merges": True}, None, steps("pretokenizers", split(GPT4), BYTES_ONLY), steps("processors", BYTE_LEVEL, template(byte_ids, "<s>:0 A:0")), BYTE_LEVEL, marks),
        "qwen-2": folder(bytes_, {"type": "NFC"}, steps("pretokenizers", split(QWEN), BYTES_ONLY), BYTE_LEVEL, BYTE_LEVEL, marks),
        "gpt-oss": folder({**bytes_, "ignore_merges": True}, None, steps("pretokenizers", split(O200K), BYTES_ONLY), BYTE_LEVEL, BYTE_LEVEL, marks),
        "smollm": folder(bytes_, None, steps("pretokenizers", {"type": "Digits", "individual_digits": True}, BYTE_LEVEL), None, BYTE_LEVEL, marks),
        "gpt-neox": folder(bytes_, {"type": "NFC"}, BYTE_LEVEL, BYTE_LEVEL, BYTE_LEVEL, [added("  ", size), added("    ", size + 1)]),
        "deepseek": folder(bytes_, None, steps("pretokenizers", *(split(p) for p in DEEPSEEK), {"type": "Digits", "individual_digits": True}, BYTES_ONLY), BYTE_LEVEL, BYTE_LEVEL, marks),
        "deepseek-3": folder(bytes_, steps("normalizers"), steps("pretokenizers", *(split(p) for p in DEEPSEEK3), BYTES_ONLY), template(byte_ids, "<s>:0 A:0"), BYTE_LEVEL, marks),
        "command-r": folder(bytes_, {"type": "NFC"}, steps("pretokenizers", {"type": "Digits", "individual_digits": True}, BYTE_LEVEL), template(byte_ids, "<s>:0 A:0"), BYTE_LEVEL, marks),
        "falcon": folder(bytes_, None, steps("pretokenizers", {"type": "Punctuation", "behavior": "Contiguous"}, BYTE_LEVEL, {"type": "Digits", "individual_digits": False}, split("[0-9][0-9][0-9]")), None, BYTE_LEVEL),
        "bloom": folder(bytes_, None, steps("pretokenizers", split(BLOOM), BYTES_ONLY), BYTE_LEVEL, BYTE_LEVEL),
        "starcoder": folder(bytes_, None, steps("pretokenizers", {"type": "Digits", "individual_digits": True}, BYTE_LEVEL), None, BYTE_LEVEL, marks),
        "stablelm": folder(bytes_, {"type": "NFC"}, steps("pretokenizers", split(GPT2, "Removed", True), BYTES_ONLY), None, BYTE_LEVEL),
        "llama-2": folder({**chars, "fuse_unk": True}, steps("normalizers", {"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")), None, template(char_ids, "<s>:0 A:0"), llama_decoder),
        "mistral": folder({**chars, "fuse_unk": True}, None, metaspace("first", False), template(char_ids, "<s>:0 A:0"), llama_decoder, [added("[INST]", 1400, special=True), added("[/INST]", 1401, special=True)]),
        "gemma": folder({**chars, "fuse_unk": True}, replace(" ", "▁"), split(" ", "MergedWithPrevious", kind="String"), template(char_ids, "<s>:0 A:0"), gemma_decoder, [added("\n\n", 1400, normalized=False), added("<start_of_turn>", 1401, special=True)]),
        "phi-3": folder({**chars, "fuse_unk": True}, steps("normalizers", {"type": "Prepend", "prepend": "▁"}, replace(" ", "▁")), None, template(char_ids, "A:0"), llama_decoder, [added("<|user|>", 1400, special=True, rstrip=True), added("<|end|>", 1401, special=True, rstrip=True), added("</tool>", 1402, rstrip=True, normalized=False)]),
        "t5": folder(uni, precompiled, steps("pretokenizers", {"type": "WhitespaceSplit"}, metaspace()), template(uni_ids, "A:0 </s>:0"), metaspace()),
        "xlm-r": folder(uni, steps("normalizers", precompiled, replace(" {2,}", " ", "Regex")), metaspace(), template(uni_ids, "<s>:0 A:0 </s>:0"), metaspace(), [added("[MASK]", uni_ids["[MASK]"], special=True, lstrip=True)]),
        "albert": folder(uni, steps("normalizers", replace("``", '"'), replace("''", '"'), {"type": "NFKD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, precompiled), steps("pretokenizers", {"type": "WhitespaceSplit"}, metaspace()), template(uni_ids, "[CLS]:0 A:0 [SEP]:0"), metaspace()),
        "deberta-2": folder(uni, steps("normalizers", {"type": "Strip", "strip_left": True, "strip_right": True}, precompiled, replace(" {2,}", " ", "Regex")), steps("pretokenizers", metaspace()), template(uni_ids, "[CLS]:0 A:0 [SEP]:0"), metaspace()),
        "clip": folder(m["byte_suffix"], steps("normalizers", {"type": "NFC"}, replace(r"\s+", " ", "Regex"), {"type": "Lowercase"}), steps("pretokenizers", split(CLIP, "Removed", True), BYTE_LEVEL), None, BYTE_LEVEL),
        "bert": folder(m["word_piece"], bert(), {"type": "BertPreTokenizer"}, template(ids_of(m["word_piece"]), "[CLS]:0 A:0 [SEP]:0"), {"type": "WordPiece", "prefix": "##", "cleanup": True}, specials=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), config={"unk_token": "[UNK]", "clean_up_tokenization_spaces": True}),
        "modernbert": folder(bytes_, {"type": "NFC"}, BYTE_LEVEL, template(byte_ids, "[CLS]:0 A:0 [SEP]:0"), BYTE_LEVEL, [added("[MASK]", byte_ids["[MASK]"], special=True, lstrip=True)]),
    }
    return {f"published {name}": files for name, files in made.items()}


def models() -> dict:
    spaced = pre_tokenizers.Metaspace(split=False)
    words = pre_tokenizers.Whitespace()
    byte_suffix = trained.byte_level(end_of_word_suffix="</w>")
    return {
        "byte_level": trained.byte_level(), "byte_suffix": byte_suffix, "word_piece": trained.word_piece(), "word_level": trained.word_level(),
        "unigram": trained.unigram(), "unigram_bytes": trained.unigram(True), "fallback": trained.bpe(spaced, True), "plain": trained.bpe(words),
        "suffix": trained.bpe(words, end_of_word_suffix="</w>"), "prefix": trained.bpe(words, continuing_subword_prefix="@@"), "charsmap": trained.charsmap(),
    }
