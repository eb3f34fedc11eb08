"""Small models of each kind, trained on a sample of the texts: the vocabularies that the configurations share."""

import base64
import io
import json

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from texts import PHRASES, texts

SPECIAL = ["<pad>", "</s>", "<unk>", "<s>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def corpus() -> list[str]:
    sample = [text for text in texts(900, seed=5) if not any("\ud800" <= char <= "\udfff" for char in text)]
    return sample + PHRASES * 20


def model_of(tokenizer: Tokenizer) -> dict:
    return json.loads(tokenizer.to_str())["model"]


def byte_level(**options) -> dict:
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return model_of(tokenizer)


def bpe(pre_tokenizer, byte_fallback=False, **trainer) -> dict:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=byte_fallback))
    tokenizer.pre_tokenizer = pre_tokenizer
    special = SPECIAL + (BYTES if byte_fallback else [])
    learner = trainers.BpeTrainer(
        vocab_size=1400, special_tokens=special, limit_alphabet=300, show_progress=False, **trainer
    )
    tokenizer.train_from_iterator(corpus(), learner)
    return model_of(tokenizer)


def word_piece() -> dict:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=1500, special_tokens=SPECIAL, limit_alphabet=500, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    return model_of(tokenizer)


def word_level() -> dict:
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(corpus(), trainers.WordLevelTrainer(vocab_size=3000, special_tokens=SPECIAL, show_progress=False))
    return model_of(tokenizer)


def unigram(byte_fallback=False) -> dict:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=700, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(PHRASES * 20, trainer)
    model = model_of(tokenizer)
    if byte_fallback:
        model["vocab"] = model["vocab"] + [[token, 0.0] for token in BYTES]
        model["byte_fallback"] = True
    return model


def charsmap() -> str:
    """The precompiled map of SentencePiece's nmt_nfkc, as converted models hold it, in base64."""
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(PHRASES * 5), model_writer=made, vocab_size=400, hard_vocab_limit=False,
        character_coverage=0.98, normalization_rule_name="nmt_nfkc", minloglevel=2,
    )
    # ModelProto.normalizer_spec is field 3, NormalizerSpec.precompiled_charsmap field 2; both hold bytes.
    return base64.b64encode(fields(fields(made.getvalue())[3])[2]).decode()


def fields(message: bytes) -> dict[int, bytes]:
    """The last value of each length-delimited field of a protocol buffer."""
    found, at = {}, 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 2:
            size = varint()
            found[key >> 3] = message[at : at + size]
            at += size
        elif key & 7 == 0:
            varint()
        else:
            at += 4 if key & 7 == 5 else 8
    return found
