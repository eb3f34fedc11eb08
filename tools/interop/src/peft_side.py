"""Python's side of the exchange with PEFT: reads a plan, loads adapters made elsewhere, makes and trains its own, and writes what it found.

Usage: python peft_side.py PLAN.json RESULT.json
"""

import json
import sys
import warnings

import torch
import transformers
from peft import AdaLoraConfig, IA3Config, LoHaConfig, LoraConfig, PeftModel, VeraConfig, get_peft_model
from peft.utils import constants

CONFIGS = {"lora": LoraConfig, "ia3": IA3Config, "loha": LoHaConfig, "vera": VeraConfig, "adalora": AdaLoraConfig}
SPREAD = 0.2


def load_base(case):
    cls = getattr(transformers, case["modelClass"])
    return cls.from_pretrained(case["folder"], dtype=torch.float32, attn_implementation="eager").eval()


def logits(model, ids):
    with torch.no_grad():
        both = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
        return model.eval()(input_ids=ids, **both).logits.flatten().tolist()


def load_adapter(case, folder, **options):
    """The model, and what PEFT warns of; that a tied layer is adapted it says of its own adapters too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(load_base(case), folder, **options)
    said = [str(each.message) for each in caught]
    return model, [text for text in said if "adapter" in text.lower() and "tie_word_embeddings=True" not in text]


def exchange(case, ids):
    ours, caught = load_adapter(case, case["ours"])
    found = {"warnings": caught, "ours": logits(ours, ids)}
    theirs = get_peft_model(load_base(case), CONFIGS[case["method"]](**case["config"]))
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * SPREAD)
    theirs.save_pretrained(case["theirs"])
    found["theirs"] = logits(theirs, ids)
    return found


def train(model, ids, steps, learning_rate):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()


def continue_training(plan, ids):
    """From the start to the half (saved for the other side), and from the other side's half to the end."""
    half, rate = plan["steps"] // 2, plan["learningRate"]
    straight, _ = load_adapter(plan, plan["adapter"], is_trainable=True)
    train(straight, ids, half, rate)
    straight.save_pretrained(plan["theirHalf"])
    train(straight, ids, half, rate)
    straight.save_pretrained(plan["theirEnd"])
    resumed, _ = load_adapter(plan, plan["ourHalf"], is_trainable=True)
    train(resumed, ids, half, rate)
    resumed.save_pretrained(plan["theirEndOfOurs"])


def main():
    plan_path, result_path = sys.argv[1:]
    with open(plan_path) as file:
        plan = json.load(file)
    torch.manual_seed(0)
    ids = torch.tensor(plan["inputIds"])
    result = {"cases": {case["name"]: exchange(case, ids) for case in plan["cases"]}}
    continue_training(plan["training"], ids)
    result["tables"] = {
        **{method: getattr(constants, f"TRANSFORMERS_MODELS_TO_{method.upper()}_TARGET_MODULES_MAPPING") for method in CONFIGS},
        "feedforward": constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING,
    }
    with open(result_path, "w") as file:
        json.dump(result, file)


main()
