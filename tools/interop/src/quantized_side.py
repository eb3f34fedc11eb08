"""Python's side of the exchange of quantized models: packs a base with bitsandbytes, saves it, and gives the logits of folders.

Usage: python quantized_side.py PLAN.json RESULT.json. Weights are decoded and then multiplied: in training mode, where LLM.int8() does so too.
"""

import json
import sys

import torch
import transformers


def logits_of(model, ids):
    with torch.no_grad():
        return model.train()(input_ids=ids).logits.flatten().tolist()


def packed(base, settings):
    config = transformers.BitsAndBytesConfig(**settings)
    return transformers.AutoModelForCausalLM.from_pretrained(base, quantization_config=config, dtype=torch.float32)


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    ids = torch.tensor(plan["inputIds"])
    result = {}
    for each in plan["packed"]:
        model = packed(each["base"], each["settings"])
        model.save_pretrained(each["folder"])
        result[each["folder"]] = {"logits": logits_of(model, ids)}
    for folder in plan["folders"]:
        model, found = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
        faults = sorted(str(key) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in found[kind])
        kinds = sorted({type(module).__name__ for module in model.modules() if "Linear" in type(module).__name__})
        result[folder] = {"logits": logits_of(model, ids), "faults": faults, "layers": kinds}
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
