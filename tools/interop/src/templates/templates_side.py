"""Writes templates, variables, and what transformers makes of them: python templates_side.py FILE COUNT."""

import json
import sys

from expressions import expressions
from golden import TEMPLATES, VARIABLES
from published import conversations, templates
from rendered import rendered


def main() -> None:
    groups = {
        "golden": [{"template": text, **rendered(text, VARIABLES)} for text in TEMPLATES],
        "random": [{"template": text, **rendered(text, VARIABLES)} for text in expressions(int(sys.argv[2]))],
        "published": [
            {"name": name, "conversation": index, **rendered(text, given)}
            for name, text in templates().items()
            for index, given in enumerate(conversations())
        ],
    }
    result = {"variables": VARIABLES, "templates": templates(), "conversations": conversations(), "groups": groups}
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(result, file)


main()
