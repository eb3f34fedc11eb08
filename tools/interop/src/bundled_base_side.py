"""Python's side of the quickstart's base model: opens it with transformers, and writes the ids and logits of texts.

Usage: python bundled_base_side.py PLAN.json RESULT.json
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

with open(sys.argv[1]) as file:
    plan = json.load(file)
tokenizer = AutoTokenizer.from_pretrained(plan["base"])
model = AutoModelForCausalLM.from_pretrained(plan["base"]).eval()
ids = [tokenizer(text)["input_ids"] for text in plan["texts"]]
with torch.no_grad():
    logits = [model(input_ids=torch.tensor([row])).logits.flatten().tolist() for row in ids[: plan["logitRows"]]]
result = {
    "class": type(model).__name__,
    "dtype": str(model.dtype),
    "parameters": model.num_parameters(),
    "ids": ids,
    "logits": logits,
    "end": tokenizer.convert_tokens_to_ids(tokenizer.eos_token),
}
with open(sys.argv[2], "w") as file:
    json.dump(result, file)
