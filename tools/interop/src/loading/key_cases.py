"""Every family with one key of its config.json changed or taken away: what the key means, and what its absence does."""

import dataclasses
import json
import os

import transformers

from folders import WEIGHTS, randomize

CAUSAL, MASKED, SEQ2SEQ = "AutoModelForCausalLM", "AutoModelForMaskedLM", "AutoModelForSeq2SeqLM"
SIZES = {
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim", "embedding_size", "word_embed_proj_dim"), 16),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "hidden_dim", "encoder_ffn_dim", "decoder_ffn_dim", "ffn_hidden_size", "n_inner"), 24),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "num_layers", "n_layers", "encoder_layers", "decoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads", "decoder_attention_heads"), 2),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 64),
    **dict.fromkeys(("num_local_experts", "num_experts"), 2),
    "num_key_value_heads": 1, "head_dim": 8, "d_kv": 8, "vocab_size": 37, "rotary_dim": 4, "moe_intermediate_size": 8, "num_experts_per_tok": 1,
}
# Token ids lie in the vocabulary, and what is large stays tiny.
TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
OWN = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 4},
    "gemma2": {"sliding_window": 8, "query_pre_attn_scalar": 8}, "gemma3_text": {"sliding_window": 8, "query_pre_attn_scalar": 8},
    "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "max_relative_positions": 8},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "max_relative_positions": 8, "position_buckets": 4, "norm_rel_ebd": "layer_norm"},
    "falcon": {"num_kv_heads": 1}, "t5": {"decoder_start_token_id": 0}, "mt5": {"decoder_start_token_id": 0},
    "glm": {"pad_token_id": 0}, "smollm3": {"no_rope_layers": [1, 0]}, "roberta": {"pad_token_id": 1}, "xlm-roberta": {"pad_token_id": 1},
}
AUTOS = {
    CAUSAL: "bloom falcon gemma gemma2 gemma3_text glm glm4 gpt2 gpt_neo gpt_neox gptj llama mistral mixtral openai-gpt opt phi phi3 qwen2 qwen3 qwen3_moe smollm3 stablelm",
    MASKED: "albert bert deberta deberta-v2 distilbert electra roberta xlm-roberta",
    SEQ2SEQ: "bart mt5 t5",
}
# What is not of the forward pass, or is checked with other cases.
LEFT = {
    "architectures", "model_type", "transformers_version", "dtype", "vocab_size", "use_cache", "is_encoder_decoder", "decoder_start_token_id",
    "forced_eos_token_id", "output_router_logits", "id2label", "label2id", "task_specific_params", "router_aux_loss_coef", "num_beams",
}
OF_NONE = {"sliding_window": 4, "final_logit_softcapping": 5.0, "attn_logit_softcapping": 5.0, "rope_scaling": {"type": "linear", "factor": 2.0}}
cases = []


def changed(key, value):
    """Another value for a key, None where there is none to try."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value * 2 + 0.1
    if isinstance(value, str):
        return "relu" if "act" in key or key == "afn" else {"gated-gelu": "gated-silu", "relu": "gated-gelu"}.get(value)
    return OF_NONE.get(key) if value is None else None


def add(model_type, auto, root):
    """Writes the family's model once, and lists the cases of its keys."""
    kind = transformers.CONFIG_MAPPING[model_type]
    fields = {field.name for field in dataclasses.fields(kind)}
    sizes = {key: value for key, value in {**SIZES, **TOKENS}.items() if key in fields}
    config = kind(**{**sizes, **OWN.get(model_type, {})})
    model = getattr(transformers, auto).from_config(config).eval()
    randomize(model)
    base = f"{root}/of-{model_type}"
    model.save_pretrained(base)
    with open(f"{base}/config.json") as file:
        keys = json.load(file)
    yield f"{model_type}: all keys", base, keys
    for key, value in keys.items():
        if key in LEFT or "drop" in key or "token_id" in key or "initializer" in key or key == "init_std":
            continue
        other = changed(key, value)
        if other is not None:
            yield f"{model_type}: {key} {other}", base, {**keys, key: other}
        if value is not None:
            yield f"{model_type}: without {key}", base, {name: own for name, own in keys.items() if name != key}


def written(root):
    """All cases, their folders written."""
    for auto, types in AUTOS.items():
        for model_type in types.split():
            for i, (name, base, keys) in enumerate(add(model_type, auto, root)):
                folder = f"{base}-{i}"
                os.makedirs(folder)
                os.link(f"{base}/{WEIGHTS}", f"{folder}/{WEIGHTS}")
                with open(f"{folder}/config.json", "w") as file:
                    json.dump(keys, file)
                yield {"name": name, "model": folder, "auto": auto}
