"""Adapter folders: embeddings in them, names as in memory, what lacks or is too much, patterns, and what became of their bases.

A case is a name and a function that writes `<folder>/model` and `<folder>/adapter`; what it returns is where these are, and the class.
"""

import os

import peft
import safetensors.torch
import torch
import transformers

from folders import ADAPTER, drawn, edit_json, edit_tensors, lora, mapped, renamed, write_adapter, write_model

cases = []
PREFIX = "base_model.model."
EMBEDDING, HEAD = f"{PREFIX}model.embed_tokens.weight", f"{PREFIX}lm_head.weight"
QUERY = f"{PREFIX}model.layers.0.self_attn.q_proj."


def adapter(name, tensors=None, config=None, made=None, auto=None, saved=None, settings=None, **changes):
    """A case of one adapter. made: of the model; settings: another configuration than LoRA's with `changes`; saved: how it is written."""
    def write(folder):
        base, path = f"{folder}/model", f"{folder}/adapter"
        write_model(base, **({"auto": auto} if auto else {}), **(made or {}))
        write_adapter(base, path, settings or lora(**changes), **({"auto": auto} if auto else {}), **(saved or {}))
        if tensors is not None:
            edit_tensors(f"{path}/{ADAPTER}", tensors)
        if config is not None:
            edit_json(f"{path}/adapter_config.json", **config)
        return {"adapter": path, **({"auto": auto} if auto else {})}
    cases.append((name, write))


def added(**tensors):
    """A change that adds tensors by their names, in which __ stands for a dot, below the prefix."""
    return lambda own: {**own, **{PREFIX + name.replace("__", "."): tensor for name, tensor in tensors.items()}}


def without(*ends):
    return lambda own: {name: tensor for name, tensor in own.items() if not name.endswith(ends)}


def as_in_memory(name):
    return lambda key: key.replace("lora_A.weight", f"lora_A.{name}.weight").replace("lora_B.weight", f"lora_B.{name}.weight")


adapter("an adapter")
# The base's own tensors.
EMBEDDED = {"save_embedding_layers": True}


def grow(rows):
    return lambda model: model.get_base_model().resize_token_embeddings(rows, mean_resizing=False)


def change_embeddings(model):
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        layer.weight.add_(drawn(*layer.weight.shape, seed=5))


for tied in (False, True):
    ties = {"made": {"tie_word_embeddings": tied}}
    kind = "tied" if tied else "untied"
    adapter(f"{kind}: embeddings as they were", saved=EMBEDDED, **ties)
    adapter(f"{kind}: embeddings that were trained", saved={**EMBEDDED, "change": change_embeddings}, **ties)
    adapter(f"{kind}: embeddings with more rows", saved={"change": grow(40)}, **ties)
    adapter(f"{kind}: embeddings with fewer rows", saved={"change": grow(30)}, **ties)
    adapter(f"{kind}: the table alone", added(model__embed_tokens__weight=drawn(37, 16)), **ties)
    adapter(f"{kind}: the head alone", added(lm_head__weight=drawn(37, 16)), **ties)
    adapter(f"{kind}: table and head that differ", added(model__embed_tokens__weight=drawn(37, 16), lm_head__weight=drawn(37, 16, seed=4)), **ties)
    adapter(f"{kind}: targeted embeddings", target_modules=["q_proj", "embed_tokens"], **ties)
    adapter(f"{kind}: targeted embeddings that were trained", added(model__embed_tokens__base_layer__weight=drawn(37, 16)), target_modules=["q_proj", "embed_tokens"], **ties)
    adapter(f"{kind}: targeted head", target_modules=["q_proj", "lm_head"], **ties)
    adapter(f"{kind}: targeted head with another weight", added(lm_head__base_layer__weight=drawn(37, 16)), target_modules=["q_proj", "lm_head"], **ties)
    adapter(f"{kind}: saved table", modules_to_save=["embed_tokens"], **ties)
    adapter(f"{kind}: saved head", modules_to_save=["lm_head"], **ties)
    adapter(f"{kind}: saved table and head", modules_to_save=["embed_tokens", "lm_head"], **ties)
    adapter(f"{kind}: single tokens", trainable_token_indices=[1, 5], **ties)
adapter("targeted embeddings with more rows", added(model__embed_tokens__base_layer__weight=drawn(40, 16)), target_modules=["q_proj", "embed_tokens"])
adapter("a norm of the base", added(model__norm__weight=drawn(16)))
adapter("a base layer of a target", added(model__layers__0__self_attn__q_proj__base_layer__weight=drawn(16, 16)))
adapter("a target without base_layer", added(model__layers__0__self_attn__q_proj__weight=drawn(16, 16)))
adapter("a layer of the base that is no target", added(model__layers__1__mlp__up_proj__weight=drawn(24, 16)))
adapter("a layer of the base in another shape", added(model__layers__1__mlp__up_proj__weight=drawn(16, 24)))
adapter("a bias that the base lacks", added(model__layers__1__mlp__up_proj__bias=drawn(24)))
adapter("a tensor of no module", added(model__layers__7__norm__weight=drawn(16)))
adapter("a tensor without prefix", lambda own: {**own, "step": torch.tensor(3)})
adapter("the original of a saved head", added(lm_head__original_module__weight=drawn(37, 16)), modules_to_save=["lm_head"])
# Names.
adapter("names as in memory", renamed(as_in_memory("default")))
adapter("names as in memory, of another adapter", renamed(as_in_memory("other")))
adapter("names as in memory in one layer", renamed(lambda key: as_in_memory("default")(key) if "layers.1" in key else key))
adapter("a saved head as in memory", renamed(lambda key: key.replace("lm_head.weight", "lm_head.modules_to_save.default.weight")), modules_to_save=["lm_head"])
adapter("an adapter of another name", saved={"name": "other"})
for prefix in ("module.", "_orig_mod.", "base_model.model.", "model.", "transformer."):
    adapter(f"adapter names begin with {prefix}", renamed(lambda key, prefix=prefix: prefix + key))
adapter("adapter names lack base_model.model.", renamed(lambda key: key.removeprefix(PREFIX)))
adapter("adapter names lack base_model.", renamed(lambda key: key.removeprefix("base_model.")))
adapter("adapter names lack model. of the model", renamed(lambda key: key.replace("model.model.", "model.")))
adapter("adapter names of a compiled layer", renamed(lambda key: key.replace("self_attn.", "self_attn._orig_mod.")))
adapter("adapter names of kohya", renamed(lambda key: key.replace("lora_A", "lora_down").replace("lora_B", "lora_up")))
adapter("one tensor under two names", lambda own: {**own, f"{QUERY}lora_A.default.weight": own[f"{QUERY}lora_A.weight"] * 2})


@lambda write: cases.append(("the whole state of the model", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base)
    made = write_adapter(base, path, lora())
    safetensors.torch.save_file({name: tensor.clone() for name, tensor in made.state_dict().items()}, f"{path}/{ADAPTER}", {"format": "pt"})
    return {"adapter": path}


@lambda write: cases.append(("the whole state of the model, with saved modules", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base)
    made = write_adapter(base, path, lora(modules_to_save=["lm_head"]))
    safetensors.torch.save_file({name: tensor.clone() for name, tensor in made.state_dict().items()}, f"{path}/{ADAPTER}", {"format": "pt"})
    return {"adapter": path}


# What lacks or is too much.
adapter("without B of a layer", without("0.self_attn.q_proj.lora_B.weight"))
adapter("without A of a layer", without("0.self_attn.q_proj.lora_A.weight"))
adapter("without a target's tensors", without("0.self_attn.q_proj.lora_A.weight", "0.self_attn.q_proj.lora_B.weight"))
adapter("without a layer's tensors", lambda own: {name: tensor for name, tensor in own.items() if "layers.1" not in name})
adapter("without a layer's tensors, started at random", lambda own: {name: tensor for name, tensor in own.items() if "layers.1" not in name}, init_lora_weights=False)
adapter("without any tensor", lambda own: {"none": torch.zeros(1)})
adapter("without the saved head", without("lm_head.weight"), modules_to_save=["lm_head"])
adapter("tensors of more targets", target_modules=["q_proj", "k_proj", "v_proj"], config={"target_modules": ["q_proj", "v_proj"]})
adapter("tensors of fewer targets", config={"target_modules": ["q_proj", "k_proj", "v_proj"]})
adapter("tensors of a deeper model", lambda own: {**own, **{name.replace("layers.1", "layers.2"): tensor for name, tensor in own.items()}})
adapter("a bias of B that the configuration denies", added(model__layers__0__self_attn__q_proj__lora_B__bias=drawn(16)))
adapter("a magnitude that the configuration denies", added(model__layers__0__self_attn__q_proj__lora_magnitude_vector=drawn(16).abs()))
# Shapes and dtypes.
for dtype in (torch.bfloat16, torch.float16, torch.float64):
    adapter(f"an adapter in {str(dtype)[6:]}", mapped(lambda tensor, dtype=dtype: tensor.to(dtype)))
adapter("an adapter in 8-bit floats", mapped(lambda tensor: tensor.to(torch.float8_e4m3fn)))
adapter("an adapter in whole numbers", mapped(lambda tensor: (tensor * 10).to(torch.int32)))
adapter("another rank than the configuration's", config={"r": 8})
adapter("a rank of 0", config={"r": 0})
adapter("A and B transposed", mapped(torch.t))
adapter("B of another size", mapped(lambda tensor: tensor[:8], lambda name: name.endswith("0.self_attn.q_proj.lora_B.weight")))
adapter("A with an axis more", mapped(lambda tensor: tensor[None], lambda name: name.endswith("0.self_attn.q_proj.lora_A.weight")))
adapter("a flat A", mapped(lambda tensor: tensor.flatten(), lambda name: name.endswith("0.self_attn.q_proj.lora_A.weight")))
adapter("an empty B", mapped(lambda tensor: torch.empty(0), lambda name: name.endswith("0.self_attn.q_proj.lora_B.weight")))
adapter("values that are no numbers", mapped(lambda tensor: tensor * float("nan"), lambda name: name.endswith("0.self_attn.q_proj.lora_B.weight")))
GPT2 = {"made": {"model_type": "gpt2"}}
adapter("gpt2 with fan_in_fan_out", target_modules=["c_attn"], fan_in_fan_out=True, **GPT2)
adapter("gpt2 without fan_in_fan_out", target_modules=["c_attn"], fan_in_fan_out=True, config={"fan_in_fan_out": False}, **GPT2)
adapter("llama with fan_in_fan_out", config={"fan_in_fan_out": True})


@lambda write: cases.append(("adapter_model.bin alone", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base)
    write_adapter(base, path, lora())
    torch.save(safetensors.torch.load_file(f"{path}/{ADAPTER}"), f"{path}/adapter_model.bin")
    os.remove(f"{path}/{ADAPTER}")
    return {"adapter": path}


@lambda write: cases.append(("adapter_model.bin beside other safetensors", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base)
    write_adapter(base, path, lora())
    torch.save({name: tensor * 2 for name, tensor in safetensors.torch.load_file(f"{path}/{ADAPTER}").items()}, f"{path}/adapter_model.bin")
    return {"adapter": path}


# Configurations.
adapter("rank and alpha by patterns", rank_pattern={"q_proj": 2, "layers.1.self_attn.v_proj": 3}, alpha_pattern={"q_proj": 5, r"layers\.[0]\.self_attn\.v_proj": 16})
adapter("patterns with anchors", rank_pattern={r"^model.layers.0.self_attn.q_proj": 2}, alpha_pattern={"^v_proj": 3, "model.layers.1.self_attn.q_proj": 5})
adapter("patterns that match nothing", rank_pattern={"nothing": 2}, alpha_pattern={"proj": 3})
adapter("two patterns for a layer", alpha_pattern={"self_attn.q_proj": 3, "q_proj": 5, ".*q_proj": 7})
adapter("an alpha of 0", lora_alpha=0)
adapter("a negative alpha", lora_alpha=-4)
adapter("an alpha with a point", config={"lora_alpha": 2.5})
adapter("an alpha in text", config={"lora_alpha": "8"})
adapter("rsLoRA", use_rslora=True)
adapter("rsLoRA by a key that is null", config={"use_rslora": None})
adapter("rsLoRA with patterns", use_rslora=True, rank_pattern={"q_proj": 2}, alpha_pattern={"q_proj": 3})
adapter("DoRA", use_dora=True)
adapter("a key of DoRA without its tensors", config={"use_dora": True})
adapter("lora_bias", lora_bias=True, made={"attention_bias": True})
adapter("biases of targets", bias="lora_only", made={"attention_bias": True})
adapter("all biases", bias="all", made={"attention_bias": True})
adapter("biases of targets that the configuration denies", bias="lora_only", config={"bias": "none"}, saved={"change": lambda model: [p.add_(drawn(*p.shape)) for n, p in model.named_parameters() if n.endswith("bias")]}, made={"attention_bias": True})
adapter("chosen layers", layers_to_transform=[1])
adapter("chosen layers by a number", layers_to_transform=1)
adapter("chosen layers by a pattern", layers_to_transform=[0], layers_pattern="layers")
adapter("chosen layers of a model with two lists", layers_to_transform=[1], layers_pattern=["h", "layers"])
adapter("chosen layers with tensors of all", config={"layers_to_transform": [1]})
adapter("all-linear in the configuration", target_modules="all-linear", config={"target_modules": "all-linear"})
adapter("ALL-LINEAR in the configuration", target_modules="all-linear", config={"target_modules": "ALL-LINEAR"})
adapter("targets by a pattern", target_modules=r".*layers\.\d+\.self_attn\.(q|v)_proj$")
adapter("targets by a pattern with a look behind", target_modules=r".*(?<!k)_proj")
adapter("targets by a pattern that begins in the middle", target_modules=r"model\.layers\.0.*q_proj")
adapter("targets by their whole paths", target_modules=["model.layers.0.self_attn.q_proj", "layers.1.self_attn.v_proj"])
adapter("targets of which some are none", config={"target_modules": ["q_proj", "v_proj", "c_attn"]})
adapter("targets of another model", config={"target_modules": ["c_attn"]})
adapter("no targets are named", config={"target_modules": None})
adapter("an empty list of targets", config={"target_modules": []})
adapter("targets with a saved module", target_modules=["q_proj", "lm_head"], modules_to_save=["lm_head"])
adapter("excluded modules", target_modules="all-linear", exclude_modules=["down_proj"])
adapter("excluded modules by a pattern", target_modules=["q_proj", "up_proj"], exclude_modules=r".*layers\.0.*")
adapter("a saved norm", modules_to_save=["norm"])
adapter("a saved module of no name", config={"modules_to_save": ["nothing"]})
adapter("unknown keys", config={"change": lambda values: values.update(later={"a": 1}, corda_config=None, eva_config=None)})
adapter("keys are absent", config={"change": lambda values: [values.pop(key, None) for key in [*values] if key not in ("peft_type", "r", "lora_alpha", "target_modules", "task_type")]})
adapter("no r and no alpha", config={"change": lambda values: [values.pop(key) for key in ("r", "lora_alpha")]}, r=8)
adapter("a base of another name", config={"base_model_name_or_path": "someone/else", "revision": "abc"})
adapter("a task of another kind", config={"task_type": "FEATURE_EXTRACTION"})
adapter("a task of no kind", config={"task_type": "TALK"})
adapter("no task", config={"task_type": None})
adapter("a method of another case", config={"peft_type": "lora"})
adapter("a method that is unknown", config={"peft_type": "LORO"})
adapter("IA3 by the tensors of LoRA", config={"peft_type": "IA3", "feedforward_modules": []})
adapter("init_lora_weights of PiSSA after conversion", config={"init_lora_weights": "pissa"})
adapter("init_lora_weights gaussian", init_lora_weights="gaussian")
adapter("layer_replication", layer_replication=[(0, 1), (0, 2)], saved={"save_embedding_layers": False})
adapter("dropout and inference_mode", lora_dropout=0.5, config={"inference_mode": False})
adapter("IA3", settings=peft.IA3Config(target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"], task_type="CAUSAL_LM"))
adapter("a classifier's head", auto="AutoModelForSequenceClassification", task_type="SEQ_CLS", made={"num_labels": 3})
adapter("a classifier's adapter without its head", without("score.weight"), auto="AutoModelForSequenceClassification", task_type="SEQ_CLS", made={"num_labels": 3})
adapter("a bert classifier's head", auto="AutoModelForSequenceClassification", task_type="SEQ_CLS", target_modules=["query"], made={"model_type": "bert", "num_labels": 3})
adapter("a base with biases of queries", made={"model_type": "qwen2"})
adapter("a mixture's older names", target_modules=["q_proj"], made={"model_type": "mixtral", "num_local_experts": 2, "num_experts_per_tok": 1})


@lambda write: cases.append(("an adapter on a base of another width", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base, hidden_size=24, head_dim=12)
    write_adapter(base, path, lora())
    write_model(base)
    return {"adapter": path}


@lambda write: cases.append(("an adapter of a deeper base", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base, num_hidden_layers=3)
    write_adapter(base, path, lora())
    write_model(base)
    return {"adapter": path}


@lambda write: cases.append(("an adapter of a bare model on a language model", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base)
    write_adapter(base, path, lora(task_type="FEATURE_EXTRACTION"), auto="AutoModel")
    return {"adapter": path}


@lambda write: cases.append(("an adapter of a language model on a bare model", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base)
    write_adapter(base, path, lora())
    return {"adapter": path, "auto": "AutoModel"}


@lambda write: cases.append(("an adapter in a folder of its name", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base)
    write_adapter(base, path, lora(), name="other")
    return {"adapter": f"{path}/other"}


@lambda write: cases.append(("an adapter merged and saved", write))
def _(folder):
    base, path = f"{folder}/model", f"{folder}/adapter"
    write_model(base, tie_word_embeddings=True)
    write_adapter(base, path, lora(target_modules=["q_proj", "embed_tokens"]))
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    merged = peft.PeftModel.from_pretrained(model, path).merge_and_unload()
    merged.save_pretrained(f"{folder}/merged")
    return {"model": f"{folder}/merged"}
