"""Tiny model and adapter folders, made by transformers and PEFT, and ways to damage them afterwards."""

import json
import os

import peft
import safetensors.torch
import torch
import transformers

SPREAD = 0.4  # of random values: every one moves the loss
LLAMA = dict(
    vocab_size=37, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=1, head_dim=8, max_position_embeddings=64, tie_word_embeddings=False, pad_token_id=0,
)
GPT2 = dict(vocab_size=37, n_embd=16, n_inner=24, n_layer=2, n_head=2, n_positions=64, pad_token_id=0)
BERT = dict(
    vocab_size=37, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=64,
)
OWN_NAMES = {"bloom", "distilbert", "falcon", "gpt_neo", "gptj"}  # whose sizes have names of their own
WEIGHTS, ADAPTER = "model.safetensors", "adapter_model.safetensors"


def randomize(model, names=lambda name: True, seed=7):
    """Draws values anew; what is 1 throughout, such as a norm, stays near 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if names(name):
                shift = 1.0 if bool((parameter == 1).all()) else 0.0
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * SPREAD + shift)


def write_model(folder, model_type="llama", auto="AutoModelForCausalLM", dtype=None, seed=7, **changes):
    """A random model. changes: of its configuration; a size that is None is left to the family. Returns the model."""
    sizes = {"llama": LLAMA, "gpt2": GPT2, "bert": BERT}.get(model_type, {"vocab_size": 37} if model_type in OWN_NAMES else LLAMA)
    given = {key: value for key, value in {**sizes, **changes}.items() if value is not None or key not in sizes}
    config = transformers.AutoConfig.for_model(model_type, **given)
    model = getattr(transformers, auto).from_config(config).eval()
    randomize(model, seed=seed)
    (model if dtype is None else model.to(dtype)).save_pretrained(folder)
    return model


def write_adapter(base, folder, config, seed=11, name="default", auto="AutoModelForCausalLM", change=None, **saving):
    """A random adapter of the model in `base`. change: what happens to the model before it is saved. Returns PEFT's model."""
    model = getattr(transformers, auto).from_pretrained(base, dtype=torch.float32)
    made = peft.get_peft_model(model, config, adapter_name=name)
    randomize(made, lambda key: "lora_" in key or "ia3_" in key or "modules_to_save" in key or "trainable_tokens_delta" in key, seed)
    if change is not None:
        with torch.no_grad():
            change(made)
    made.save_pretrained(folder, **saving)
    return made


def lora(**changes):
    return peft.LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM", **changes})


def edit_json(path, change=None, **keys):
    """Changes a JSON file. A key that is None becomes null; `change` may take keys away."""
    with open(path) as file:
        values = json.load(file)
    values.update(keys)
    if change is not None:
        change(values)
    with open(path, "w") as file:
        json.dump(values, file, indent=2)


def edit_tensors(path, change):
    """Changes the tensors of a safetensors file."""
    tensors = safetensors.torch.load_file(path)
    tensors = change(tensors) or tensors
    safetensors.torch.save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, path, {"format": "pt"})


def renamed(rename):
    """A change that gives tensors other names."""
    return lambda tensors: {rename(name): tensor for name, tensor in tensors.items()}


def mapped(change, where=lambda name: True):
    """A change of values."""
    return lambda tensors: {name: change(tensor) if where(name) else tensor for name, tensor in tensors.items()}


def drawn(*shape, seed=3):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * SPREAD


def raw_safetensors(path, header, data):
    """A file whose header says what it is told to."""
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + data)


def split_shards(folder, first, index=None):
    """Two shards and their index in place of one file. first: whether a name goes to the first one. index: changes weight_map."""
    tensors = safetensors.torch.load_file(f"{folder}/{WEIGHTS}")
    os.remove(f"{folder}/{WEIGHTS}")
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    places = {name: names[0 if first(name) else 1] for name in tensors}
    for shard in names:
        safetensors.torch.save_file({k: v for k, v in tensors.items() if places[k] == shard}, f"{folder}/{shard}", {"format": "pt"})
    if index is not None:
        index(places)
    with open(f"{folder}/model.safetensors.index.json", "w") as file:
        json.dump({"metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())}, "weight_map": places}, file)
