"""Folders whose tokenizer_config.json names a class of transformers, with the options that the class has."""

from configurations import BYTE_LEVEL, folder, ids_of, template


def named(model, name, **config):
    """A folder whose file says other than the class would: no normalizer, other splits."""
    files = folder(model, None, {"type": "WhitespaceSplit"}, None, None)
    files["tokenizer_config.json"] = {"tokenizer_class": name, **config}
    return files


def classes(m) -> dict:
    pieces, bytes_, chars = m["word_piece"], m["byte_level"], m["fallback"]
    made = {
        "Bert": named(pieces, "BertTokenizer"),
        "Bert cased": named(pieces, "BertTokenizer", do_lower_case=False),
        "Bert accents": named(pieces, "BertTokenizerFast", strip_accents=False),
        "Bert cased-accents": named(pieces, "BertTokenizer", do_lower_case=False, strip_accents=True),
        "Bert chinese": named(pieces, "BertTokenizer", tokenize_chinese_chars=False),
        "Bert other-names": named(pieces, "DistilBertTokenizer", cls_token="<s>", sep_token="</s>", pad_token=None, unk_token="<unk>"),
        "GPT2": named(bytes_, "GPT2Tokenizer"),
        "GPT2 prefix": named(bytes_, "GPT2TokenizerFast", add_prefix_space=True, unk_token=None, bos_token="<s>"),
        "GPTNeoX": named(bytes_, "GPTNeoXTokenizerFast", add_bos_token=True),
        "Qwen2": named(bytes_, "Qwen2Tokenizer", pad_token="<pad>"),
        "Qwen3.5": named(bytes_, "Qwen3_5Tokenizer"),
        "Roberta": named(bytes_, "RobertaTokenizer"),
        "Roberta prefix": named(bytes_, "RobertaTokenizer", add_prefix_space=True, sep_token="[SEP]", cls_token="[CLS]"),
        "Bart": named(bytes_, "BartTokenizerFast"),
        "Deberta": named(bytes_, "DebertaTokenizer"),
        "Llama": named(chars, "LlamaTokenizer"),
        "Llama legacy": named(chars, "LlamaTokenizerFast", legacy=True),
        "Llama no-prefix": named(chars, "LlamaTokenizer", add_prefix_space=False),
        "Llama flags": named(chars, "LlamaTokenizer", add_bos_token=True, add_eos_token=True),
        "Gemma": named(chars, "GemmaTokenizer"),
        "unknown class": named(bytes_, "SomethingTokenizer"),
    }
    flagged = folder(bytes_, None, BYTE_LEVEL, template(ids_of(bytes_), "<s>:0 A:0"), BYTE_LEVEL, config={"add_bos_token": False, "add_eos_token": True, "eos_token": "</s>"})
    mapped = folder(bytes_, None, BYTE_LEVEL, None, BYTE_LEVEL, config={"eos_token": "</s>"})
    mapped["special_tokens_map.json"] = {"eos_token": "[SEP]", "mask_token": {"content": "<new mask>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}}
    listed = folder(bytes_, None, BYTE_LEVEL, None, BYTE_LEVEL)
    token = {"lstrip": True, "rstrip": False, "normalized": True, "single_word": False, "special": False}
    listed["tokenizer_config.json"]["added_tokens_decoder"] = {"9": {"content": "quick", **token}, "5000": {"content": "New York", **token}}
    return {f"class {name}": files for name, files in {**made, "flags discarded": flagged, "special map": mapped, "listed tokens": listed}.items()}
