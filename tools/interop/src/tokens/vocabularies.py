"""Folders without a tokenizer.json, and folders whose class config.json tells."""

import io

import sentencepiece

from configurations import BYTE_LEVEL, added, folder, ids_of, template
from trained import PHRASES

MARKS = ["<tool>", "New York"]


def sentence_piece(kind, vocab_size, **options) -> bytes:
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(PHRASES * 20), model_writer=made,
        model_type=kind, vocab_size=vocab_size, hard_vocab_limit=False, character_coverage=0.98, minloglevel=2, **options,
    )
    return made.getvalue()


def models() -> dict:
    return {
        "llama": sentence_piece("bpe", 900, byte_fallback=True, normalization_rule_name="identity", split_digits=True, remove_extra_whitespaces=False),
        "gemma": sentence_piece("bpe", 900, byte_fallback=True, normalization_rule_name="identity", user_defined_symbols=MARKS + ["\n", "  "], pad_id=0, eos_id=1, bos_id=2, unk_id=3),
        "t5": sentence_piece("unigram", 700, bos_id=-1, pad_id=0, eos_id=1, unk_id=2),
        "albert": sentence_piece("unigram", 700, pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]"], user_defined_symbols=["[MASK]", "."]),
        "xlm-r": sentence_piece("unigram", 700),
        "deberta": sentence_piece("unigram", 700, pad_id=0, unk_id=3, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]"], unk_piece="[UNK]", pad_piece="[PAD]"),
        "plain": sentence_piece("bpe", 700, user_defined_symbols=MARKS),
    }


def lines(model) -> str:
    return "".join(f"{token}\n" for token, _ in sorted(ids_of(model).items(), key=lambda item: item[1]))


def pairs(model) -> dict:
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return {"vocab.json": model["vocab"], "merges.txt": "\n".join(["#version: 0.2", *merges]) + "\n"}


def alone(files, name=None, model_type=None, **config) -> dict:
    """A folder of a vocabulary, with the name of a class, or of a kind of model."""
    made = {**files, "config.json": {"model_type": model_type} if model_type else {}}
    if name or config:
        made["tokenizer_config.json"] = {**({"tokenizer_class": name} if name else {}), **config}
    return made


def vocabularies(m) -> dict:
    pieces, byte_pairs, suffixed, byte_suffixed = {"vocab.txt": lines(m["word_piece"])}, pairs(m["byte_level"]), pairs(m["suffix"]), pairs(m["byte_suffix"])
    spaced = {"vocab.txt": "[PAD]\r\n[UNK]\n[CLS]  \n[SEP]\t\n[MASK]\nthe\u3000\na\n\nb\u0085\n##x\nb\nquick"}
    size = len(ids_of(m["byte_level"]))
    token = {"lstrip": False, "rstrip": True, "normalized": False, "single_word": False}
    mark = {"content": "<tool>", **token, "special": False}
    made = {
        "Bert": alone(pieces, "BertTokenizer"),
        "Bert cased": alone(pieces, "BertTokenizerFast", do_lower_case=False, tokenize_chinese_chars=False),
        "Bert by-type": alone(pieces, None, "bert"),
        "Bert spaced": alone(spaced, None, "electra"),
        "Bert unknown-type": alone(pieces, None, "llama"),
        "DistilBert older": alone({**pieces, "added_tokens.json": {"<tool>": 1600, "New York": 1601}, "special_tokens_map.json": {"mask_token": {"content": "<lower>", **token}, "additional_special_tokens": ["<tool>"]}}, "DistilBertTokenizer"),
        "MPNet": alone(pieces, "MPNetTokenizer"),
        "GPT2": alone(byte_pairs, "GPT2Tokenizer"),
        "GPT2 flags": alone(byte_pairs, "GPT2Tokenizer", add_bos_token=True, add_eos_token=True, bos_token="<s>", eos_token="</s>"),
        "GPT2 by-type": alone(byte_pairs, None, "gpt_neo"),
        "GPT2 without-merges": alone({"vocab.json": byte_pairs["vocab.json"]}, "GPT2Tokenizer"),
        "CodeGen": alone(byte_pairs, "CodeGenTokenizer", add_bos_token=True),
        "Roberta": alone(byte_pairs, "RobertaTokenizer", add_prefix_space=True),
        "Roberta by-type": alone({**byte_pairs, "special_tokens_map.json": {"mask_token": {"content": "[MASK]", **token, "lstrip": True}}}, None, "bart"),
        "Qwen2": alone(byte_pairs, "Qwen2Tokenizer", added_tokens_decoder={f"{size}": mark, f"{size + 1}": {"content": "<|im_end|>", **token, "special": True}}, additional_special_tokens=["<|im_end|>"], bos_token=None, add_bos_token=False),
        "Qwen2 by-type": alone(byte_pairs, "LlamaTokenizer", "qwen2"),
        "GPTNeoX": alone(byte_pairs, "GPTNeoXTokenizerFast", add_bos_token=True),
        "Deberta": alone(byte_pairs, None, "deberta"),
        "Cohere": alone(byte_pairs, "CohereTokenizerFast", add_bos_token=True),
        "Herbert": alone(suffixed, "HerbertTokenizer"),
        "CLIP": alone(byte_suffixed, "CLIPTokenizer"),
        "OpenAIGPT": alone(suffixed, "OpenAIGPTTokenizer", unk_token="<unk>"),
        "own names": alone(byte_pairs, "GPT2Tokenizer", image_token="<tool>", extra_special_tokens={"lower_token": "<lower>"}),
    }
    spm = models()
    model = {name: {"tokenizer.model": data} for name, data in spm.items()}
    made |= {
        "Llama": alone(model["llama"], "LlamaTokenizer"),
        "Llama flags": alone(model["llama"], "LlamaTokenizerFast", add_bos_token=True, add_eos_token=True, legacy=False, pad_token="<pad>"),
        "Llama legacy": alone(model["llama"], "LlamaTokenizer", legacy=True, add_bos_token=True, added_tokens_decoder={"0": {"content": "<unk>", **token, "special": True}, "5000": mark}),
        "Llama no-prefix": alone(model["llama"], "LlamaTokenizer", add_prefix_space=False),
        "CodeLlama": alone(model["llama"], "CodeLlamaTokenizer", suffix_token=None),
        "Llama unigram": alone(model["xlm-r"], "LlamaTokenizer"),
        "Llama marked": alone(model["gemma"], "LlamaTokenizer", bos_token="<tool>"),
        "no class": alone(model["llama"], None, "llama"),
        "no class flags": alone(model["llama"], "LlamaTokenizer", "mistral", add_bos_token=True),
        "no class renamed": alone(model["plain"], "PreTrainedTokenizerFast", None, added_tokens_decoder={"3": {"content": "<lower>", **token, "special": True}}),
        "no class unigram": alone(model["xlm-r"], "PreTrainedTokenizerFast"),
        "no class unigram-listed": alone(model["xlm-r"], "PreTrainedTokenizerFast", added_tokens_decoder={"3": {"content": "<lower>", **token, "special": True}}),
        "no class marked": alone(model["plain"], None, "llama"),
        "Gemma": alone(model["gemma"], "GemmaTokenizer", add_bos_token=True),
        "Gemma by-type": alone(model["gemma"], None, "gemma2"),
        "T5": alone({"spiece.model": spm["t5"]}, "T5Tokenizer"),
        "T5 by-type": alone({"spiece.model": spm["t5"]}, None, "mt5", extra_ids=3),
        "T5 model": alone(model["t5"], "T5TokenizerFast", additional_special_tokens=["<tool>"]),
        "T5 identity": alone(model["llama"], "T5Tokenizer"),
        "Albert": alone({"spiece.model": spm["albert"]}, "AlbertTokenizer"),
        "Albert accents": alone({"spiece.model": spm["albert"]}, None, "albert", keep_accents=True, do_lower_case=False),
        "XLMRoberta": alone({"sentencepiece.bpe.model": spm["xlm-r"]}, "XLMRobertaTokenizer"),
        "XLMRoberta by-type": alone({"sentencepiece.bpe.model": spm["xlm-r"]}, None, "xlm-roberta", mask_token="<lower>"),
        "Camembert": alone({"sentencepiece.bpe.model": spm["xlm-r"]}, "CamembertTokenizer"),
        "DebertaV2": alone({"spm.model": spm["deberta"]}, "DebertaV2Tokenizer"),
        "DebertaV2 options": alone({"spm.model": spm["deberta"]}, None, "deberta-v2", do_lower_case=True, split_by_punct=True),
        "tiktoken": alone({"tokenizer.model": b"IQ== 0\nIg== 1\n"}, None, "llama"),
    }
    return {f"files {name}": files for name, files in made.items()}


def by_type(m) -> dict:
    """A tokenizer.json whose class config.json tells."""
    bytes_, chars, uni, words = m["byte_level"], m["fallback"], m["unigram"], m["word_piece"]
    precompiled = {"type": "Precompiled", "precompiled_charsmap": m["charsmap"]}

    def typed(model, model_type, normalizer=None, name=None, tokens=None, **config):
        files = folder(model, normalizer, {"type": "WhitespaceSplit"}, None, None, tokens=tokens)
        files["config.json"] = {"model_type": model_type} if model_type else {}
        files["tokenizer_config.json"] = {**({"tokenizer_class": name} if name else {}), **config}
        return files

    token = {"lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}
    padded = typed(bytes_, None, name="PreTrainedTokenizerFast")
    padded["tokenizer.json"]["padding"] = {"strategy": "BatchLongest", "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"}
    made = {
        "gpt2": typed(bytes_, "gpt2"),
        "phi": typed(bytes_, "phi", name="CodeGenTokenizer"),
        "qwen2 misnamed": typed(bytes_, "qwen2", name="PreTrainedTokenizerFast"),
        "qwen3 file": typed(bytes_, "qwen3", name="PreTrainedTokenizerFast"),
        "mistral": typed(chars, "mistral", name="LlamaTokenizer"),
        "phi3": typed(chars, "phi3", name="LlamaTokenizerFast"),
        "code-llama": typed(chars, "llama", name="CodeLlamaTokenizerFast"),
        "herbert": typed(m["suffix"], None, name="HerbertTokenizerFast"),
        "no configuration": typed(m["suffix"], "herbert"),
        "internlm2": typed(chars, "internlm2", name="LlamaTokenizer"),
        "llama": typed(chars, "llama"),
        "gemma3": typed(chars, "gemma3_text"),
        "bert": typed(words, "bert"),
        "mpnet": typed(words, "mpnet", unk_token="[UNK]"),
        "t5": typed(uni, "t5", precompiled),
        "t5 plain": typed(uni, None, name="T5Tokenizer", extra_ids=2),
        "albert": typed(uni, "albert", {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, precompiled]}),
        "xlm-r": typed(uni, "xlm-roberta", precompiled, add_prefix_space=False),
        "camembert": typed(uni, "camembert", unk_token="[UNK]"),
        "deberta-v2": typed(uni, "deberta-v2", unk_id=4),
        "clip": typed(m["byte_suffix"], "clip"),
        "openai-gpt": typed(m["suffix"], "openai-gpt"),
        "cohere": typed(bytes_, "cohere2"),
        "listed": typed(bytes_, "gpt2", tokens=[added("quick", len(ids_of(bytes_)), normalized=False)], added_tokens_decoder={"2": {"content": "<unk>", **token}}),
        "no decoder list": typed(bytes_, "gpt2", tokens=[added("quick", len(ids_of(bytes_)), normalized=False)]),
        "names as entries": typed(bytes_, "gpt2", eos_token={"__type": "AddedToken", "content": "<lower>", **token, "lstrip": True}, image_token="<tool>"),
        "padded": padded,
        "whisper": typed(bytes_, "whisper"),
        "esm": typed(words, "esm"),
    }
    return {f"type {name}": files for name, files in made.items()}
