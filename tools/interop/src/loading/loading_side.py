"""Python's side of the check of loading: writes damaged, odd and merged model and adapter folders, and says what transformers and PEFT make of them.

Usage: python loading_side.py ROOT RESULT.json
"""

import json
import logging
import os
import shutil
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"

import peft  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

import adapter_cases  # noqa: E402
import config_cases  # noqa: E402
import key_cases  # noqa: E402
import model_cases  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
torch.set_num_threads(1)  # the models are too small for more
IDS = [[1 + (i * i * 7 + 5 * i + 3 * row) % 36 for i in range(24)] for row in range(2)]
SAME = 1e-6  # of a loss, from one draw of initial values to another


def loss_of(case, seed):
    """The loss of a model, and of its adapter, with the initial values of a seed."""
    torch.manual_seed(seed)
    auto = case.get("auto", "AutoModelForCausalLM")
    model = getattr(transformers, auto).from_pretrained(case["model"], dtype=torch.float32)
    if "adapter" in case:
        model = peft.PeftModel.from_pretrained(model, case["adapter"])
    return loss(model, auto)


def loss(model, auto):
    """Of the fixed ids: of next or masked tokens, of labels, or the mean square of what has no loss."""
    ids = torch.tensor(IDS)
    model.eval()
    with torch.no_grad():
        if auto == "AutoModel":
            return model(input_ids=ids).last_hidden_state.square().mean().item()
        if auto == "AutoModelForSequenceClassification":
            labels = torch.tensor([i % model.config.num_labels for i in range(len(IDS))])
        elif auto == "AutoModelForTokenClassification":
            labels = ids % model.config.num_labels
        else:
            labels = ids
        return model(input_ids=ids, labels=labels).loss.item()


def measured(case):
    try:
        first, second = loss_of(case, 1), loss_of(case, 2)
    except Exception as error:  # whatever it is: what matters is that there is no loss
        return {"raises": f"{type(error).__name__}: {str(error)[:300]}"}
    return {"isRandom": True} if abs(first - second) > SAME else said(first)


def said(value):
    return {"loss": value} if value == value else {"isNoNumber": True}


def measured_once(case):
    """The same for a model alone, from one reading: of what the file lacks, values were drawn."""
    attention = "eager" if case["name"].startswith("gemma2:") else None  # the other ones know nothing of its caps
    try:
        model, info = getattr(transformers, case["auto"]).from_pretrained(
            case["model"], dtype=torch.float32, output_loading_info=True, attn_implementation=attention
        )
        return {"isRandom": True} if info["missing_keys"] else said(loss(model, case["auto"]))
    except Exception as error:
        return {"raises": f"{type(error).__name__}: {str(error)[:300]}"}


def main():
    root, result = sys.argv[1:]
    found = []
    for module in (model_cases, config_cases, adapter_cases):
        for name, write in module.cases:
            folder = os.path.join(root, name.replace(" ", "-").replace("/", "-"))
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            case = {"name": name, "model": os.path.join(folder, "model"), **(write(folder) or {})}
            found.append({**case, **measured(case)})
    keys = [{**case, **measured_once(case)} for case in key_cases.written(root)]
    with open(result, "w") as file:
        json.dump({"ids": IDS, "odd": found, "keys": keys}, file)


if __name__ == "__main__":
    main()
