"""Prints the class of tokenizers that transformers chooses for names and kinds of models: python chosen_side.py."""

import json

from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
from transformers.models.auto.tokenization_auto import (
    MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS,
    TOKENIZER_MAPPING_NAMES,
    tokenizer_class_from_name,
)


def chosen() -> list:
    """The class that AutoTokenizer makes for each model_type beside some names in tokenizer_config.json, and for each name alone."""
    names = [None, "LlamaTokenizerFast", "PreTrainedTokenizerFast", "SomethingTokenizer", "BertTokenizer"]
    known = sorted({name for name in TOKENIZER_MAPPING_NAMES.values() if name} | {"ElectraTokenizer", "Phi3TokenizerFast", "LongformerTokenizer", "BartTokenizerFast", "BloomTokenizerFast"})
    types = [None, "", "llama", "falcon", "smollm3", *sorted(TOKENIZER_MAPPING_NAMES)]
    return [[kind, name, class_of(kind, name)] for kind in types for name in names] + [[None, name, class_of(None, name)] for name in known]


def class_of(kind, name) -> str:
    """The decisions of AutoTokenizer.from_pretrained that do not look at a folder."""
    own = (TOKENIZER_MAPPING_NAMES.get(kind) or "").removesuffix("Fast") if name or kind in CONFIG_MAPPING_NAMES else ""
    own = "TokenizersBackend" if own == "MistralCommonBackend" else own
    if name and own and own != name.removesuffix("Fast"):
        if own == "TokenizersBackend":
            return own
        name = own if kind in MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS else name
    made = tokenizer_class_from_name(name.removesuffix("Fast") if name else own or "TokenizersBackend")
    return "TokenizersBackend" if made is None or made.__name__ in ("PythonBackend", "PreTrainedTokenizerFast") else made.__name__


print(json.dumps(chosen()))
