"""Python's side of the check of older experts: tiny mixtures, LoRA adapters of them as transformers 4 saved them, and PEFT's logits.

Usage: python older_experts_side.py FOLDER PLAN.json RESULT.json. Writes FOLDER/NAME and FOLDER/NAME-adapter for each case.
"""

import json
import os
import sys

import torch
import transformers
from peft import PeftModel
from safetensors.torch import save_file

transformers.logging.set_verbosity_error()
RANK, EXPERTS, HIDDEN, INNER = 2, 3, 8, 12
SIZES = {"hidden_size": HIDDEN, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": 37}
CONFIGS = {
    "mixtral": {"intermediate_size": INNER, "num_local_experts": EXPERTS},
    "qwen3_moe": {"intermediate_size": INNER, "moe_intermediate_size": INNER, "num_experts": EXPERTS},
}


def older_tensors(case, generator):
    """A and B of every target under transformers 4's names."""
    tensors = {}

    def add(path, inner, outer):
        tensors[f"base_model.model.model.layers.{path}.lora_A.weight"] = torch.randn(RANK, inner, generator=generator) * 0.5
        tensors[f"base_model.model.model.layers.{path}.lora_B.weight"] = torch.randn(outer, RANK, generator=generator) * 0.5

    for layer in range(SIZES["num_hidden_layers"]):
        for target in case["targets"]:
            if target == "q_proj":
                add(f"{layer}.self_attn.q_proj", HIDDEN, HIDDEN)
            elif target == "gate":
                add(f"{layer}.{case['holder']}.gate", HIDDEN, EXPERTS)
            else:
                sizes = (INNER, HIDDEN) if target in ("w2", "down_proj") else (HIDDEN, INNER)
                for expert in range(EXPERTS):
                    add(f"{layer}.{case['holder']}.experts.{expert}.{target}", *sizes)
    return tensors


def run(case, folder, ids):
    """Writes base and adapter; the logits of both together."""
    base, adapter = os.path.join(folder, case["name"]), os.path.join(folder, case["name"] + "-adapter")
    generator = torch.Generator().manual_seed(3)
    config = transformers.AutoConfig.for_model(case["modelType"], num_experts_per_tok=2, pad_token_id=0, **SIZES, **CONFIGS[case["modelType"]])
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    model.save_pretrained(base)
    os.makedirs(adapter)
    save_file(older_tensors(case, generator), os.path.join(adapter, "adapter_model.safetensors"))
    with open(os.path.join(adapter, "adapter_config.json"), "w") as file:
        json.dump({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": 3, "target_modules": case["targets"]}, file)
    with torch.no_grad():
        return PeftModel.from_pretrained(model, adapter).eval()(input_ids=ids).logits.flatten().tolist()


def main():
    folder, plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    result = {case["name"]: run(case, folder, torch.tensor(plan["inputIds"])) for case in plan["cases"]}
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
