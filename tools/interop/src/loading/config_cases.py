"""Model folders whose config.json says positions, sizes, defaults and dtypes in odd ways."""

from folders import edit_json, write_model

cases = []


def config(name, change=None, auto=None, drop=(), made=None, **keys):
    """A case whose configuration gets other keys after the model was written. drop: keys that are taken away."""
    def write(folder):
        path = f"{folder}/model"
        write_model(path, **({"auto": auto} if auto else {}), **(made or {}))

        def edit(values):
            for key in drop:
                values.pop(key, None)
            values.update(keys)
            if change is not None:
                change(values)

        edit_json(f"{path}/config.json", edit)
        return {"auto": auto} if auto else {}
    cases.append((name, write))


ROPE = ("rope_parameters", "rope_theta", "rope_scaling")
POSITIONS = {"original_max_position_embeddings": 16}
LLAMA3 = {"factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, **POSITIONS}
LONG = {"short_factor": [1.0, 1.1, 1.2, 1.3], "long_factor": [1.5, 2.0, 3.0, 4.0]}
SCALINGS = {
    "linear": {"factor": 2.0}, "dynamic": {"factor": 2.0}, "yarn": {"factor": 4.0, **POSITIONS}, "llama3": LLAMA3,
    "longrope": {"factor": 4.0, **LONG, **POSITIONS},
}
for kind, keys in SCALINGS.items():
    small = {"max_position_embeddings": 16} if kind == "dynamic" else {}
    config(f"rope_scaling {kind} by its older key", drop=ROPE, rope_theta=500.0, rope_scaling={"type": kind, **keys}, **small)
    config(f"rope_scaling {kind}", drop=ROPE, rope_theta=500.0, rope_scaling={"rope_type": kind, **keys}, **small)
    config(f"rope_parameters {kind}", drop=ROPE, rope_parameters={"rope_type": kind, "rope_theta": 500.0, **keys}, **small)
    config(f"rope_scaling {kind} beside plain rope_parameters", drop=ROPE, rope_scaling={"rope_type": kind, **keys}, rope_parameters={"rope_type": "default", "rope_theta": 500.0}, **small)
    config(f"rope_parameters {kind} beside a null rope_scaling", drop=ROPE, rope_scaling=None, rope_theta=300.0, rope_parameters={"rope_type": kind, "rope_theta": 500.0, **keys}, **small)
    config(f"rope_parameters {kind} beside linear rope_scaling", drop=ROPE, rope_scaling={"type": "linear", "factor": 3.0}, rope_theta=300.0, rope_parameters={"rope_type": kind, **keys}, **small)
config("rope_scaling of both types", drop=ROPE, rope_scaling={"type": "linear", "rope_type": "llama3", **LLAMA3})
config("rope_scaling without a type", drop=ROPE, rope_scaling={"factor": 2.0})
config("rope_scaling of an unknown type", drop=ROPE, rope_scaling={"type": "spiral", "factor": 2.0})
config("rope_scaling is empty", drop=ROPE, rope_theta=500.0, rope_scaling={})
config("rope_scaling without a factor", drop=ROPE, rope_scaling={"type": "linear"})
config("rope_scaling with a factor of one half", drop=ROPE, rope_scaling={"type": "linear", "factor": 0.5})
config("rope_scaling with a factor in text", drop=ROPE, rope_scaling={"type": "linear", "factor": "2.0"})
config("rope_scaling with theta inside", drop=ROPE, rope_theta=300.0, rope_scaling={"type": "linear", "factor": 2.0, "rope_theta": 700.0})
config("theta beside empty rope_parameters", drop=ROPE, rope_theta=500.0, rope_parameters={})
config("theta beside other rope_parameters", drop=ROPE, rope_theta=500.0, rope_parameters={"rope_type": "default", "rope_theta": 700.0})
config("no positions are named", drop=ROPE)
config("yarn without trained positions", drop=ROPE, rope_scaling={"type": "yarn", "factor": 4.0})
config("yarn with all its keys", drop=ROPE, rope_scaling={"rope_type": "yarn", "factor": 4.0, "beta_fast": 16.0, "beta_slow": 2.0, "mscale": 0.8, "mscale_all_dim": 1.2, "truncate": False, **POSITIONS})
config("llama3 without a key", drop=ROPE, rope_scaling={"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, **POSITIONS})
config("longrope of Phi-3 with trained positions outside", drop=ROPE, made={"model_type": "phi3", "head_dim": None}, rope_scaling={"type": "longrope", **LONG}, **POSITIONS)
config("qwen2 with yarn", drop=ROPE, made={"model_type": "qwen2"}, rope_theta=1000.0, rope_scaling={"type": "yarn", **SCALINGS["yarn"]})
config("mistral with linear", drop=ROPE, made={"model_type": "mistral"}, rope_scaling={"type": "linear", "factor": 2.0})
# Shares of heads.
config("partial_rotary_factor of a family without", partial_rotary_factor=0.5)
config("partial_rotary_factor inside rope_parameters of a family without", drop=ROPE, rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.5})
PHI = {"model_type": "phi", "partial_rotary_factor": 0.5, "num_key_value_heads": 2}
config("phi with a share", made=PHI)
config("phi with the share outside", drop=ROPE, made=PHI, partial_rotary_factor=0.5)
config("phi without a share", drop=(*ROPE, "partial_rotary_factor"), made=PHI)
NEOX = {"model_type": "gpt_neox", "head_dim": None, "num_key_value_heads": None}
config("gpt_neox with rotary_pct", drop=ROPE, made=NEOX, rotary_pct=0.5, rotary_emb_base=500)
config("gpt_neox with rope_theta and rotary_emb_base", drop=ROPE, made=NEOX, rotary_pct=0.5, rotary_emb_base=500, rope_theta=900.0)
STABLE = {"model_type": "stablelm", "partial_rotary_factor": 0.5}
config("stablelm with rope_pct", drop=(*ROPE, "partial_rotary_factor"), made=STABLE, rope_pct=0.5)
# Sizes.
config("head_dim is absent", drop=("head_dim",))
config("head_dim is null", head_dim=None)
config("head_dim of other heads", made={"head_dim": 12})
config("head_dim of other heads is absent", made={"head_dim": 12}, drop=("head_dim",))
config("qwen3 without head_dim", made={"model_type": "qwen3"}, drop=("head_dim",))
config("gemma without head_dim", made={"model_type": "gemma", "tie_word_embeddings": True}, drop=("head_dim",))
config("vocab_size below the rows", vocab_size=36)
config("vocab_size above the rows", vocab_size=40)
config("num_key_value_heads is absent", drop=("num_key_value_heads",))
config("num_key_value_heads is null", num_key_value_heads=None, made={"num_key_value_heads": 2})
config("more heads than the weights", num_attention_heads=4)
config("intermediate_size of another model", intermediate_size=32)
config("sizes as numbers with a point", change=lambda values: values.update(hidden_size=16.0))
config("sizes in text", hidden_size="16")
config("fewer layers than the weights", num_hidden_layers=1)
# Defaults.
config("rms_norm_eps is absent", drop=("rms_norm_eps",), made={"rms_norm_eps": 0.1})
config("rms_norm_eps is large", made={"rms_norm_eps": 0.1})
config("hidden_act is absent", drop=("hidden_act",))
config("hidden_act is another", hidden_act="gelu")
config("hidden_act is unknown", hidden_act="wave")
config("gemma with hidden_act and hidden_activation", made={"model_type": "gemma", "tie_word_embeddings": True}, hidden_act="gelu", hidden_activation="silu")
config("gemma with hidden_act alone", made={"model_type": "gemma", "tie_word_embeddings": True}, drop=("hidden_activation",), hidden_act="gelu")
config("qwen2 with a window", made={"model_type": "qwen2"}, drop=("layer_types",), use_sliding_window=True, sliding_window=4, max_window_layers=1)
config("mistral with a window", made={"model_type": "mistral"}, sliding_window=4)
config("mistral without the key of a window", made={"model_type": "mistral"}, drop=("sliding_window",))
config("gpt2 scaled by layers", made={"model_type": "gpt2"}, scale_attn_by_inverse_layer_idx=True)
config("gpt2 without scaling", made={"model_type": "gpt2"}, scale_attn_weights=False)
config("gpt2 by the names of others", made={"model_type": "gpt2"}, drop=("n_embd", "n_layer", "n_head"), hidden_size=16, num_hidden_layers=2, num_attention_heads=2)
for kind, keys in {
    "gpt2": {"num_attention_heads": 4}, "gpt_neo": {"num_attention_heads": 4}, "gptj": {"num_attention_heads": 1}, "bloom": {"num_attention_heads": 4},
    "mixtral": {"num_experts": 2, "num_local_experts": 4}, "qwen3_moe": {"num_experts": 2, "num_local_experts": 4}, "falcon": {"n_embed": 16, "hidden_size": 32},
}.items():
    own = {
        "gpt_neo": {"num_layers": 2, "num_heads": 2, "hidden_size": 16, "intermediate_size": 24, "attention_types": [[["global", "local"], 1]], "window_size": 4},
        "gptj": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 64, "rotary_dim": 4}, "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2},
        "mixtral": {"num_local_experts": 2, "num_experts_per_tok": 1}, "qwen3_moe": {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 8},
        "falcon": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_hidden_size": 24},
    }.get(kind, {})
    config(f"{kind} by two names of a size", made={"model_type": kind, **own}, **keys)
DISTIL = {"dim": 16, "hidden_dim": 24, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 64, "model_type": "distilbert"}
config("distilbert by two names of a size", made=DISTIL, auto="AutoModelForMaskedLM", num_attention_heads=4)
config("distilbert with keys that it does not read", made=DISTIL, auto="AutoModelForMaskedLM", hidden_act="relu", intermediate_size=48, layer_norm_eps=0.1)
config("distilbert with another activation", made=DISTIL, auto="AutoModelForMaskedLM", activation="relu")
config("gpt_neox with rope_theta alone", drop=ROPE, made=NEOX, rope_theta=900.0, rotary_pct=0.5)
config("gpt_neox with rope_scaling", drop=ROPE, made=NEOX, rope_theta=900.0, rope_scaling={"type": "linear", "factor": 2.0})
config("gpt2 without n_inner", made={"model_type": "gpt2", "n_inner": None}, drop=("n_inner",))
config("gpt2 with an activation", made={"model_type": "gpt2"}, activation_function="relu")
config("bert with relative positions", made={"model_type": "bert"}, auto="AutoModelForMaskedLM", position_embedding_type="relative_key")
config("bert without layer_norm_eps", made={"model_type": "bert", "layer_norm_eps": 0.1}, auto="AutoModelForMaskedLM", drop=("layer_norm_eps",))
# Words for dtypes.
for word in ("float32", "bfloat16", "torch.float16", "fp16", "auto", "double", None, 16):
    config(f"dtype is {word}", drop=("torch_dtype",), dtype=word)
    config(f"torch_dtype is {word}", drop=("dtype",), torch_dtype=word)
config("dtype and torch_dtype differ", dtype="float32", torch_dtype="float16")
# Types.
config("model_type is absent", drop=("model_type",))
config("model_type is another of the same layers", model_type="mistral")
config("model_type is unknown", model_type="lama")
config("architectures are absent", drop=("architectures",))
config("architectures name another class", architectures=["LlamaForSequenceClassification"])
config("a transformers_version of long ago", transformers_version="4.0.0")
config("pad_token_id beyond the rows", pad_token_id=100)
config("pad_token_id below 0", pad_token_id=-1)
config("attention_dropout and others", attention_dropout=0.5, use_cache=False, output_attentions=False)
config("a quantization of none", quantization_config=None)


@lambda write: cases.append(("an old Llama with pretraining_tp", write))
def _(folder):
    write_model(f"{folder}/model")
    edit_json(f"{folder}/model/config.json", pretraining_tp=2)
