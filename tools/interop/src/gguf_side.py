"""Python's side of GGUF files: writes tiny ones with the package `gguf`, and gives what transformers, PEFT and `gguf` make of them.

Usage: python gguf_side.py write FOLDER | python gguf_side.py read PLAN.json RESULT.json. PYTHONPATH has the package `gguf`.
"""

import json
import os
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter, quants

PACKED = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0]}
SIZES = {"hidden": 256, "inner": 512, "heads": 4, "keys": 2, "layers": 3, "vocabulary": 264}
MERGES = ["t h", "Ġ t", "i n", "th e"]


def blocks(name, shape, seed):
    """Random blocks: any bytes are codes and scales, but the float16 scales, which are drawn small."""
    size, length = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, (shape[0], shape[1] // size, length), dtype=np.uint8)
    spread = {"Q2_K": 0.01, "Q3_K": 0.002, "Q4_K": 0.0005, "Q5_K": 0.0003, "Q6_K": 0.00005, "IQ4_NL": 0.001, "IQ4_XS": 0.00005, "Q8_0": 0.001}.get(name, 0.01)
    for at in HALVES[name]:
        scale = (random.standard_normal(data.shape[:2]) * spread).astype(np.float16)
        data[:, :, at : at + 2] = scale[..., None].view(np.uint8)
    return data.reshape(shape[0], -1)


def head_size(architecture):
    return 128 if architecture == "qwen3" else SIZES["hidden"] // SIZES["heads"]  # transformers reads no other for qwen3


def vocabulary():
    """The 256 signs of GPT-2's bytes, what merges make of them, and special tokens."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    signs = [chr(byte) for byte in plain] + [chr(256 + i) for i in range(256 - len(plain))]
    return signs + [merge.replace(" ", "") for merge in MERGES] + ["<s>", "</s>", "<pad>", "<unused>"]


def tensors(architecture):
    sizes = SIZES
    head = head_size(architecture)
    yield "token_embd.weight", (sizes["vocabulary"], sizes["hidden"])
    yield "output_norm.weight", (sizes["hidden"],)
    if architecture == "qwen2":
        yield "output.weight", (sizes["vocabulary"], sizes["hidden"])
    for layer in range(sizes["layers"]):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{norm}.weight", (sizes["hidden"],)
        for which, heads in (("q", sizes["heads"]), ("k", sizes["keys"]), ("v", sizes["keys"])):
            yield f"blk.{layer}.attn_{which}.weight", (heads * head, sizes["hidden"])
            if architecture == "qwen2":
                yield f"blk.{layer}.attn_{which}.bias", (heads * head,)
            if architecture == "qwen3" and which != "v":
                yield f"blk.{layer}.attn_{which}_norm.weight", (head,)
        yield f"blk.{layer}.attn_output.weight", (sizes["hidden"], sizes["heads"] * head)
        yield f"blk.{layer}.ffn_gate.weight", (sizes["inner"], sizes["hidden"])
        yield f"blk.{layer}.ffn_up.weight", (sizes["inner"], sizes["hidden"])
        yield f"blk.{layer}.ffn_down.weight", (sizes["hidden"], sizes["inner"])


def write(folder):
    for number, architecture in enumerate(["llama", "qwen2", "qwen3"]):
        writer = GGUFWriter(os.path.join(folder, f"{architecture}.gguf"), architecture)
        writer.add_block_count(SIZES["layers"])
        writer.add_context_length(64)
        writer.add_embedding_length(SIZES["hidden"])
        writer.add_feed_forward_length(SIZES["inner"])
        writer.add_head_count(SIZES["heads"])
        writer.add_head_count_kv(SIZES["keys"])
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_freq_base(10000.0)
        writer.add_vocab_size(SIZES["vocabulary"])
        if architecture == "llama":
            writer.add_rope_dimension_count(head_size(architecture))
        if architecture == "qwen3":
            writer.add_key_length(head_size(architecture))
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        writer.add_token_list(vocabulary())
        writer.add_token_types([1] * 260 + [3] * 4)
        writer.add_token_merges(MERGES)
        writer.add_bos_token_id(260)
        writer.add_eos_token_id(261)
        writer.add_pad_token_id(262)
        random = np.random.default_rng(number)
        for i, (name, shape) in enumerate(tensors(architecture)):
            if len(shape) == 1:
                writer.add_tensor(name, (random.standard_normal(shape) * 0.1 + 1).astype(np.float32))
            elif i % 14 == 12:
                writer.add_tensor(name, (random.standard_normal(shape) * 0.05).astype(np.float16))
            else:
                kind = PACKED[(i + number) % len(PACKED)]
                writer.add_tensor(name, blocks(kind, shape, [number, i]), raw_dtype=GGMLQuantizationType[kind])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    decoded = {}
    for kind in PACKED:
        data = blocks(kind, (3, 512), [7])
        floats = quants.dequantize(data, GGMLQuantizationType[kind])
        decoded[kind] = {"bytes": data.flatten().tolist(), "floats": floats.flatten().tolist()}
    with open(os.path.join(folder, "decoded.json"), "w") as file:
        json.dump(decoded, file)


def read(plan_path, result_path):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    with open(plan_path) as file:
        plan = json.load(file)
    ids = torch.tensor(plan["inputIds"])
    result = {}
    for each in plan["models"]:
        folder, name = os.path.split(each["file"])
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
        found = {"config": model.config.to_dict()}
        with torch.no_grad():
            found["logits"] = model(ids).logits.flatten().tolist()
            found["generated"] = model.generate(ids[:1], max_new_tokens=16, do_sample=False)[0, ids.shape[1] :].tolist()
            if "adapter" in each:
                adapted = PeftModel.from_pretrained(model, each["adapter"]).eval()
                found["adapted"] = adapted(ids).logits.flatten().tolist()
        result[each["file"]] = found
    with open(result_path, "w") as file:
        json.dump(result, file, default=str)


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    read(*sys.argv[2:])
