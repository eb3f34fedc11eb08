"""Python's side of the check of the loss of routing: losses and gradients of mixtures of experts that balance them.

Usage: python routing_loss_side.py PLAN.json. Writes a safetensors file for each case.
"""

import json
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    for case in plan["cases"]:
        model = AutoModelForCausalLM.from_pretrained(case["model"], dtype=torch.float32, attn_implementation="eager").eval()
        assert model.config.output_router_logits
        prefix = "input.loss."
        found = load_file(case["inputs"])
        inputs = {name[len(prefix) :]: value for name, value in found.items() if name.startswith(prefix)}
        if not case["masked"]:
            del inputs["attention_mask"]
        loss = model(**inputs).loss
        loss.backward()
        gradients = {f"grad.{name}": parameter.grad for name, parameter in model.named_parameters()}
        save_file({"output.loss.loss": loss.detach(), **{f"input.loss.{name}": value for name, value in inputs.items()}, **gradients}, case["result"])


main()
