"""Python's side of the check of untied heads: reads folders of masked language models and gives their logits.

Usage: python untied_heads_side.py PLAN.json RESULT.json.
"""

import json
import sys

import torch
import transformers


def read(folder, ids):
    """The logits, flat, and what the folder lacks or has too much."""
    model, found = transformers.AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    with torch.no_grad():
        logits = model.eval()(input_ids=ids).logits.flatten().tolist()
    return {"logits": logits, "faults": sorted(str(key) for kind in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in found[kind])}


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    result = {name: read(folder, torch.tensor(plan["inputIds"])) for name, folder in plan["folders"].items()}
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
