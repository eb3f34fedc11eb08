"""Python's side of the check of heads: the class that each of transformers' auto mappings names for a model_type, as JSON.

Usage: python heads_side.py MODEL_TYPE... Prints {mapping: {model_type: class}}.
"""

import json
import sys

from transformers.models.auto import modeling_auto


def main():
    names = [name for name in dir(modeling_auto) if name.startswith("MODEL_") and name.endswith("_MAPPING_NAMES")]
    mappings = {name: getattr(modeling_auto, name) for name in names}
    print(json.dumps({name: {key: classes[key] for key in sys.argv[1:] if key in classes} for name, classes in mappings.items()}))


main()
