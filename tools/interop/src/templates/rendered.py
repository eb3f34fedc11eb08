"""What transformers makes of templates: `rendered(template, variables)`."""

import copy
import resource
import signal

from transformers.utils.chat_template_utils import _compile_jinja_template, _render_with_assistant_indices


def units(text: str, place: int) -> int:
    """A place in code points as a place in UTF-16 units."""
    return len(text[:place].encode("utf-16-le", "surrogatepass")) // 2


def too_long(_signal, _frame):
    raise TimeoutError("it takes too long")


signal.signal(signal.SIGALRM, too_long)
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))  # a text of gigabytes ends in MemoryError


def rendered(template: str, variables: dict) -> dict:
    defaults = {"messages": [], "tools": None, "documents": None, "add_generation_prompt": False}
    given = copy.deepcopy({**defaults, **variables})  # a template can change a list: {{ xs|indent }}
    signal.alarm(2)
    try:
        compiled = _compile_jinja_template(template)
        text, spans = _render_with_assistant_indices(compiled, **given)
        if " at 0x" in text:
            return {"address": True}  # differs from run to run
        text.encode()
    except BaseException as error:
        return {"raises": f"{type(error).__name__}: {error}"}
    finally:
        signal.alarm(0)
    return {"text": text, "generated": [[units(text, start), units(text, end)] for start, end in spans]}
