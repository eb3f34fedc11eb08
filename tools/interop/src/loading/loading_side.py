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
import model_cases  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
torch.set_num_threads(1)  # the models are too small for more
IDS = [[1 + (i * i * 7 + 5 * i + 3 * row) % 36 for i in range(24)] for row in range(2)]
SAME = 1e-6  # of a loss, from one draw of initial values to another


def loss_of(case, seed):
    """The loss of the fixed ids: of next or masked tokens, of labels, or the mean square of what has no loss."""
    torch.manual_seed(seed)
    auto = case.get("auto", "AutoModelForCausalLM")
    model = getattr(transformers, auto).from_pretrained(case["model"], dtype=torch.float32, **case.get("loading", {}))
    if "adapter" in case:
        model = peft.PeftModel.from_pretrained(model, case["adapter"])
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
    if first != first:
        return {"isNoNumber": True}
    return {"loss": first} if abs(first - second) <= SAME else {"isRandom": True}


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
    with open(result, "w") as file:
        json.dump({"ids": IDS, "cases": found}, file)


if __name__ == "__main__":
    main()
