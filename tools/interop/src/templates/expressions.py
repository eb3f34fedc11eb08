"""Random templates of small expressions: `expressions(count)` gives texts, the same in every run."""

import random

NAMES = ["s", "e", "n", "f", "t", "none", "xs", "ms", "d", "m", "u", "nested", "big", "missing", "pair"]
CONSTANTS = [
    "1", "0", "-1", "2", "7", "10", "1.5", "2.0", "-0.5", "1e3", "1e16", "1e-7", "true", "false", "none", "'a'", "''", "'b c'",
    "'aXbXc'", "\"it's\"", "'é'", "'\\n'", "' pad '", "[]", "{}", "()", "[1, 2, 3]", "['b', 'a', 'C']", "('x', 1)", "{'k': 1, 'a': none}",
    "1234567890123456789", "'😀x'", "[true, none, 1.0]", "'ǆ'", "'12'", "'1.5'", "'0x1f'",
]
BINARY = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = [
    "upper", "lower", "title", "capitalize", "trim", "trim('a')", "length", "first", "last", "list", "string", "int", "float", "abs", "round",
    "round(1)", "round(2, 'floor')", "join(', ')", "join", "default('z')", "default('z', true)", "d(1)", "reverse|list", "sort", "sort(reverse=true)",
    "unique|list", "map('upper')|list", "map('string')|join('|')", "select|list", "reject|list", "select('string')|list",
    "selectattr('role')|list", "selectattr('role', 'equalto', 'user')|list", "rejectattr('role', 'eq', 'user')|map(attribute='content')|list",
    "map(attribute='role')|list", "map(attribute='x', default='q')|list", "tojson", "tojson(indent=2)", "tojson(ensure_ascii=true)",
    "tojson(separators=(',', ':'))", "tojson(sort_keys=true)", "items|list", "dictsort", "dictsort(by='value')", "batch(2)|list", "batch(2, 'f')|list", "slice(2)|list",
    "groupby('role')|list", "min", "max", "sum", "replace('a', 'Q')", "replace('a', 'Q', 1)", "indent", "indent(2, true)", "truncate(5)", "truncate(6, true, '')",
    "center(9)", "wordcount", "int(5)", "int(base=16)", "float(2)", "count", "e", "attr('real')", "urlencode", "safe", "format('v')", "map('int')|sum",
]
TESTS = [
    "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "sequence", "iterable", "odd", "even",
    "divisibleby 2", "lower", "upper", "in xs", "eq 1", "gt 1", "lt 'b'", "sameas none", "callable", "escaped", "ne none",
]
METHODS = [
    "upper()", "strip()", "strip('ab')", "lstrip()", "rstrip('c')", "split()", "split('X')", "split('X', 1)", "rsplit(' ', 1)", "title()", "replace('a', 'bb')",
    "startswith('a')", "endswith(('c', 'x'))", "find('b')", "index('b')", "count('a')", "join(['p', 'q'])", "format(1, 2)", "zfill(5)", "center(7, '*')", "ljust(4)", "rjust(4)",
    "partition('X')", "rpartition(' ')", "splitlines()", "isdigit()", "isalpha()", "isupper()", "islower()", "istitle()", "isspace()", "isalnum()", "swapcase()", "capitalize()",
    "get('role')", "get('k', 3)", "items()|list", "keys()|list", "values()|list", "items()", "keys()", "copy()", "append(1)", "pop()", "update({})", "removeprefix('a')",
    "removesuffix('c')", "is_integer()", "bit_length()", "rfind('X')", "lower()", "encode", "__class__", "_x", "role", "content", "x", "k", "0", "1", "a.b", "expandtabs()", "casefold()",
]
SUBSCRIPTS = ["[0]", "[-1]", "[1:]", "[::-1]", "[:2]", "['role']", "['k']", "['x']", "[5]", "[1:3]", "[::2]", "[-2:]", "[none]", "[true]", "[1.0]", "['items']", "[:-1]"]
FORMATS = [
    "'%s' % {}", "'%d' % {}", "'%5.2f' % {}", "'%r' % {}", "'{{}}' .format({})", "'{{:>6}}'.format({})", "'{{:.3f}}'.format({})", "'{{:,}}'.format({})", "'{{0!r:<9}}|'.format({})",
    "'%05d' % {}", "'%-6s|' % {}", "'%g' % {}", "'%e' % {}", "'%x' % {}", "'{{:05d}}'.format({})", "'{{:e}}'.format({})", "'{{:.2%}}'.format({})", "'{{:g}}'.format({})",
]


def value(rng: random.Random, depth: int) -> str:
    if depth <= 0 or rng.random() < 0.25:
        return rng.choice(NAMES if rng.random() < 0.5 else CONSTANTS)
    inner = lambda: value(rng, depth - 1)
    kind = rng.randrange(14)
    if kind < 3:
        return f"({inner()} {rng.choice(BINARY)} {inner()})"
    if kind < 6:
        return f"{atom(rng, depth)}|{rng.choice(FILTERS)}"
    if kind == 6:
        return f"({inner()} is {rng.choice(['', 'not '])}{rng.choice(TESTS)})"
    if kind < 9:
        return f"{atom(rng, depth)}.{rng.choice(METHODS)}"
    if kind == 9:
        return f"{atom(rng, depth)}{rng.choice(SUBSCRIPTS)}"
    if kind == 10:
        return f"({inner()} if {inner()}{rng.choice(['', f' else {inner()}'])})"
    if kind == 11:
        return rng.choice(FORMATS).format(atom(rng, depth))
    if kind == 12:
        return f"[{inner()}, {inner()}]"
    return rng.choice(["not {}", "-{}", "{{'q': {}}}", "-2 ** n", "dict(w={}).w", "{} < 3 < 5"]).format(atom(rng, depth))


def atom(rng: random.Random, depth: int) -> str:
    inner = value(rng, depth - 1)
    return inner if inner.isidentifier() else f"({inner})"


def expressions(count: int) -> list[str]:
    rng = random.Random(2026)
    return [wrapped(rng, value(rng, rng.randint(1, 4))) for _ in range(count)]


def wrapped(rng: random.Random, expression: str) -> str:
    kind = rng.randrange(8)
    if kind == 0:
        return f"{{% for x in {expression} %}}{{{{ loop.index }}}}{{{{ x }}}}{{{{ loop.last }}}},{{% else %}}none{{% endfor %}}"
    if kind == 1:
        return f"{{% if {expression} %}}yes{{% else %}}no{{% endif %}}"
    if kind == 2:
        return f"{{% set v = {expression} %}}{{{{ v }}}}|{{{{ v is defined }}}}"
    return f"{{{{ {expression} }}}}"
