"""Model folders: heads beside a tied token table, names with prefixes, checkpoints of other classes, shards, and damaged files.

A case is a name and a function that writes `<folder>/model`; it may return `auto`, the class that loads it.
"""

import json
import os

import safetensors.torch
import torch

from folders import (
    WEIGHTS, drawn, edit_json, edit_tensors, mapped, raw_safetensors, renamed, split_shards, write_model,
)

cases = []
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def case(name):
    def add(write):
        cases.append((name, write))
        return write
    return add


def model(name, change=None, config=None, auto=None, load=None, **made):
    """A case that writes one model and changes its tensors and its configuration."""
    def write(folder):
        path = f"{folder}/model"
        write_model(path, **({"auto": auto} if auto else {}), **made)
        if change is not None:
            edit_tensors(f"{path}/{WEIGHTS}", change)
        if config is not None:
            edit_json(f"{path}/config.json", **config)
        return {"auto": load or auto} if load or auto else {}
    cases.append((name, write))


def without(*names):
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if name not in names}


def added(**tensors):
    return lambda own: {**own, **{name.replace("__", "."): tensor(own) for name, tensor in tensors.items()}}


def is_first_half(name):
    return "layers.0" in name or "embed" in name


model("plain")
# Heads beside tables.
model("tied, with a head of its own", config={"tie_word_embeddings": True})
model("tied, with an equal head", added(lm_head__weight=lambda own: own[EMBEDDING]), tie_word_embeddings=True)
model("tied, with the head alone", renamed(lambda name: HEAD if name == EMBEDDING else name), tie_word_embeddings=True)
model("tied, with a head of another dtype", added(lm_head__weight=lambda own: own[EMBEDDING].to(torch.bfloat16)), tie_word_embeddings=True)
model("tied, with a head of more rows", added(lm_head__weight=lambda own: drawn(40, 16)), tie_word_embeddings=True)
model("tied, with neither", without(EMBEDDING), tie_word_embeddings=True)
model("untied, without a head", without(HEAD))
model("untied, without a table", without(EMBEDDING))
model("the key of tying is absent, with a head", config={"change": lambda values: values.pop("tie_word_embeddings", None)})
model("the key of tying is null, without a head", config={"tie_word_embeddings": None}, tie_word_embeddings=True)
model("gpt2 with a head of its own", added(lm_head__weight=lambda own: drawn(37, 16)), model_type="gpt2")
model("qwen2 tied, with a head of its own", model_type="qwen2", config={"tie_word_embeddings": True})
model("gemma tied, with a head of its own", added(lm_head__weight=lambda own: drawn(37, 16)), model_type="gemma", tie_word_embeddings=True)
# Prefixes of names.
for prefix in ("module.", "_orig_mod.", "base_model.model.", "transformer.", "model."):
    model(f"names begin with {prefix}", renamed(lambda name, prefix=prefix: prefix + name))
model("gpt2 names of the bare model", renamed(lambda name: name.removeprefix("transformer.")), model_type="gpt2")
model("gpt2 names begin with model.", renamed(lambda name: "model." + name.removeprefix("transformer.")), model_type="gpt2")
model("names lack model.", renamed(lambda name: name.removeprefix("model.")))
model("some names lack model.", renamed(lambda name: name.removeprefix("model.") if "layers.1" in name else name))
model("names in capitals", renamed(str.upper))
# An adapter's layers left in a model that was never merged.
model("names of adapted layers", renamed(lambda name: name.replace("q_proj.weight", "q_proj.base_layer.weight")))
model("lora beside the weights", added(model__layers__0__self_attn__q_proj__lora_A__weight=lambda own: drawn(4, 16)))
# Other classes.
model("bare model as a language model", auto="AutoModel", load="AutoModelForCausalLM")
model("bare tied model as a language model", auto="AutoModel", load="AutoModelForCausalLM", tie_word_embeddings=True)
model("bare gpt2 as a language model", auto="AutoModel", load="AutoModelForCausalLM", model_type="gpt2")
model("language model as a bare one", load="AutoModel")
model("gpt2 as a bare one", load="AutoModel", model_type="gpt2")
model("bert for masked tokens as a bare one", auto="AutoModelForMaskedLM", load="AutoModel", model_type="bert")
model("bert classifier as a bare one", auto="AutoModelForSequenceClassification", load="AutoModel", model_type="bert")
model("bert bare as a masked model", auto="AutoModel", load="AutoModelForMaskedLM", model_type="bert")
model("bert tied, with a decoder of its own", added(cls__predictions__decoder__weight=lambda own: drawn(37, 16), cls__predictions__decoder__bias=lambda own: own["cls.predictions.bias"]), auto="AutoModelForMaskedLM", model_type="bert")
model("bert with two biases of the head", added(cls__predictions__decoder__bias=lambda own: drawn(37)), auto="AutoModelForMaskedLM", model_type="bert")
model("bert with two biases and a decoder of its own", added(cls__predictions__decoder__weight=lambda own: drawn(37, 16), cls__predictions__decoder__bias=lambda own: drawn(37)), auto="AutoModelForMaskedLM", model_type="bert")
model("bert with gamma and beta", renamed(lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")), auto="AutoModelForMaskedLM", model_type="bert")
model("classifier of three labels", auto="AutoModelForSequenceClassification", num_labels=3)
model("classifier with the names of two labels", auto="AutoModelForSequenceClassification", num_labels=3, config={"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 0, "b": 1}})
model("bert classifier as a classifier of tokens", auto="AutoModelForSequenceClassification", load="AutoModelForTokenClassification", model_type="bert", num_labels=3)
# What lacks or is too much.
model("without a layer", lambda tensors: {name: tensor for name, tensor in tensors.items() if "layers.1." not in name})
model("without the first layer", lambda tensors: {name: tensor for name, tensor in tensors.items() if "layers.0." not in name})
model("without one projection", without("model.layers.1.self_attn.k_proj.weight"))
model("without the last norm", without("model.norm.weight"))
model("a layer more than the configuration", num_hidden_layers=3, config={"num_hidden_layers": 2})
model("extra tensors", added(model__layers__0__extra__weight=lambda own: drawn(3, 3), other=lambda own: drawn(2)))
model("biases that the configuration denies", attention_bias=True, config={"attention_bias": False})
model("biases that the configuration asks for", config={"attention_bias": True})
model("qwen2 without biases", lambda tensors: {name: tensor for name, tensor in tensors.items() if not name.endswith("bias")}, model_type="qwen2")
model("old tables of rotations", added(model__layers__0__self_attn__rotary_emb__inv_freq=lambda own: drawn(4)))
# Shapes and dtypes.
model("a transposed projection", mapped(lambda tensor: tensor.T, lambda name: name.endswith("0.mlp.up_proj.weight")))
model("a transposed square projection", mapped(lambda tensor: tensor.T, lambda name: name.endswith("0.self_attn.q_proj.weight")))
model("a norm with an axis more", mapped(lambda tensor: tensor[None], lambda name: name == "model.norm.weight"))
model("a projection of a smaller model", mapped(lambda tensor: tensor[:4], lambda name: name.endswith("0.self_attn.k_proj.weight")))
for dtype in (torch.bfloat16, torch.float16, torch.float64):
    model(f"weights in {str(dtype)[6:]}", dtype=dtype)
model("weights of mixed dtypes", mapped(lambda tensor: tensor.to(torch.bfloat16), lambda name: "layers.0" in name))
model("weights in whole numbers", mapped(lambda tensor: (tensor * 10).to(torch.int32), lambda name: name.endswith("0.self_attn.q_proj.weight")))
model("weights in 8-bit floats", mapped(lambda tensor: tensor.to(torch.float8_e4m3fn), lambda name: name.endswith("0.self_attn.q_proj.weight")))
model("a weight that is no number", mapped(lambda tensor: tensor * float("nan"), lambda name: name == "model.norm.weight"))
model("infinite values of a token that is not read", mapped(lambda tensor: torch.cat([torch.full((1, 16), float("inf")), tensor[1:]]), lambda name: name == EMBEDDING))
model("an empty tensor", mapped(lambda tensor: torch.empty(0), lambda name: name == "model.norm.weight"))
model("an empty tensor of no use", added(model__empty=lambda own: torch.empty(0)))


# Shards.
def sharded(name, **change):
    def write(folder):
        write_model(f"{folder}/model")
        first = change.get("first", is_first_half)
        split_shards(f"{folder}/model", first, change.get("index"))
        if "then" in change:
            change["then"](f"{folder}/model")
    cases.append((name, write))


SECOND = "model-00002-of-00002.safetensors"
FIRST = "model-00001-of-00002.safetensors"
sharded("two shards")
sharded("an index with a tensor in the other shard", index=lambda places: places.update({"model.norm.weight": FIRST}))
sharded("an index that lacks a tensor", index=lambda places: places.pop("model.norm.weight"))
sharded("an index that lacks a head", index=lambda places: places.pop("lm_head.weight"), then=lambda path: edit_json(f"{path}/config.json", tie_word_embeddings=True))
sharded("an index that lacks a shard", index=lambda places: [places.pop(name) for name in [*places] if places[name] == SECOND])
sharded("an index with a tensor that is nowhere", index=lambda places: places.update({"model.more.weight": SECOND}))
sharded("an index that names a missing file", then=lambda path: os.remove(f"{path}/{SECOND}"))
sharded("a tensor in both shards, alike", then=lambda path: edit_tensors(f"{path}/{SECOND}", lambda own: {**own, EMBEDDING: safetensors.torch.load_file(f"{path}/{FIRST}")[EMBEDDING]}))
sharded("a tensor in both shards, different", then=lambda path: edit_tensors(f"{path}/{SECOND}", lambda own: {**own, EMBEDDING: drawn(37, 16)}))
sharded("a tensor in both shards, named in the second", index=lambda places: places.update({EMBEDDING: SECOND}), then=lambda path: edit_tensors(f"{path}/{SECOND}", lambda own: {**own, EMBEDDING: drawn(37, 16)}))
sharded("a shard twice as an index and alone", then=lambda path: os.link(f"{path}/{FIRST}", f"{path}/{WEIGHTS}"))
sharded("shards without an index", then=lambda path: os.remove(f"{path}/model.safetensors.index.json"))


@case("only pytorch_model.bin")
def _(folder):
    made = write_model(f"{folder}/model")
    os.remove(f"{folder}/model/{WEIGHTS}")
    torch.save(made.state_dict(), f"{folder}/model/pytorch_model.bin")


@case("pytorch_model.bin beside other safetensors")
def _(folder):
    made = write_model(f"{folder}/model")
    torch.save({name: tensor * 2 for name, tensor in made.state_dict().items()}, f"{folder}/model/pytorch_model.bin")


@case("overlapping offsets")
def _(folder):
    write_model(f"{folder}/model")
    damage(f"{folder}/model/{WEIGHTS}", lambda header: header["lm_head.weight"].update(data_offsets=header[EMBEDDING]["data_offsets"]))


@case("bytes behind the last tensor")
def _(folder):
    write_model(f"{folder}/model")
    with open(f"{folder}/model/{WEIGHTS}", "ab") as file:
        file.write(b"more")


@case("a file that ends early")
def _(folder):
    write_model(f"{folder}/model")
    path = f"{folder}/model/{WEIGHTS}"
    os.truncate(path, os.path.getsize(path) - 4)


@case("a header without the format")
def _(folder):
    write_model(f"{folder}/model")
    damage(f"{folder}/model/{WEIGHTS}", lambda header: header.pop("__metadata__"))


@case("a header of another framework")
def _(folder):
    write_model(f"{folder}/model")
    damage(f"{folder}/model/{WEIGHTS}", lambda header: header.update(__metadata__={"format": "flax"}))


def damage(path, change):
    with open(path, "rb") as file:
        content = file.read()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    change(header)
    raw_safetensors(path, header, content[8 + length :])
