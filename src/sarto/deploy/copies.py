r"""Tables that lie in the flash twice: a wrong bit in one of them is not only found but corrected.

`copied` returns the C of a model whose chosen tables (weights, biases, factors, thresholds, ...) lie in two equal
structures. Each ends with a word that brings the rotating sum of `deploy.guard` over its words w_0 .. w_n to TOTAL,

    w_n = rotate_right(sum(w_0 .. w_(n-1)), 1) XOR TOTAL,

so that its sum is known before any compiler sees it, wrong bits of that word are found like others, and a flash that
reads as zeros or as ones is wrong. After an answer was computed, the sum of the copy that was read is checked. If it is
wrong, the other copy is checked, and read from then on:

- a network that reads nothing copied until its item is whole computes the answer again, from an input that was kept;
- any other model (reservoirs, and networks whose input goes through a copied table sample by sample) has a wrong bit in
  its state: that answer is not given, the program stops, and reads the sound copy once it was started again.

Where both are wrong there is no answer. Which copy is read depends on one word of RAM being 0 or not: a wrong bit in it
leads to the other copy, which is checked like any, and never to a wild address.

The sum finds every single error, every burst of up to 32 bits and every odd number of wrong bits; of two wrong bits in
one copy it misses one pair in 32. A CRC-32 finds these too, but takes 4.5 instructions a byte with a table of 1 kB, or
5.4 with one of 64 B, in place of 0.77 (measured on a Cortex-M4 with zig; Cortex-M0+ 6.2 and 9.3 to 1.1, RV32 7.9 and
11.1 to 1.5), and two faults in one copy between two answers are rare beside single ones.

Descriptors of layers (`scaling_0`, `layer_0`) hold addresses, so that nobody knows their sum before they are linked:
those that name a copied table lie twice as well, one for each copy, and have no sum of their own; a sum over the flash
has them. That sum leaves out the copies, which come behind it: what they correct must not stop the answers.

>>> source = "static const int8_t t[3] = {\n    1, -2, 3};\n"
>>> table_sizes(source), [f"{word:#x}" for word in sealed(words("int8_t", [1, -2, 3]))]
({'t': 4}, ['0x3fe01', '0x0', '0x0', '0x73a20faf'])
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

import numpy as np
from jaxtyping import UInt32

from sarto.core.errors import SartoError
from sarto.deploy.c.program import filled
from sarto.deploy.sums import rotating_sum

TOTAL = 0x53A2706F
"""Of a sound copy; any number that neither zeros nor ones add up to."""
BLOCK = 4
"""Words that are summed in one turn of the loop."""
STREAMED = ("zero", "factor_in", "front_")
"""How the names of tables begin that a network reads before its item is whole."""
_TABLE = re.compile(
    r"^(?:WORDS )?static const (u?int(?:8|16|32)_t) (\w+)\[\d+\] = \{([^}]*)\};\n", re.MULTILINE
)
_DESCRIPTOR = re.compile(r"^static const (\w+) (\w+) = (\{.*\});$", re.MULTILINE)
_BEGINS = re.compile(r"^typedef char arena_has_the_size_it_says.*\n", re.MULTILINE)


def table_sizes(source: str) -> dict[str, int]:
    """Return the bytes in whole words that a copy of each table of a model's C takes, by name."""
    return {m[2]: 4 * len(words(m[1], _values(m[3]))) for m in _TABLE.finditer(source)}


def copy_b(sizes_b: Sequence[int]) -> int:
    """Return the bytes of a copy of tables of so many bytes each, with its sum.

    >>> copy_b([8]), copy_b([8, 4])
    (16, 16)
    """
    return 4 * BLOCK * (sum(sizes_b) // (4 * BLOCK) + 1)


def copied(sources: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return `sources` of a model with two copies of tables.

    Args:
        sources: `model.c`, `model.h` and any other file of the program.
        names: of the tables; none is all.

    Raises:
        SartoError: E150, when the model has copies already, or no table of that name.
    """
    source = sources["model.c"]
    found = {m[2]: m for m in _TABLE.finditer(source)}
    missing = [name for name in names if name not in found]
    if "kept_tables" in source or not found or missing:
        what = (
            "copies already"
            if "kept_tables" in source
            else f"no table '{missing[0]}'"
            if missing
            else "no table"
        )
        raise SartoError(
            "E150",
            f"the model has {what}",
            cause="tables of the C that Sarto generated are copied, once",
            hint=f"it has {', '.join(found)}" if found else "leave the copies out",
        )
    chosen = {name: found[name] for name in names or found}
    for match in chosen.values():
        source = source.replace(match[0], "", 1)
    source = _paired(source, chosen)
    head = filled(_text("copies"), _structure(chosen))
    source, count = _BEGINS.subn(lambda match: f"{match[0]}\n{head}", source)
    assert count == 1, "tables come behind the size of the arena"
    return {**sources, "model.c": _answering(source, chosen)}


def words(kind: str, values: Sequence[int]) -> UInt32[np.ndarray, " word"]:
    """Return the words of a table as they lie in flash, the last one filled up with zeros."""
    data = np.array(values, np.int64).astype(np.dtype(kind.removesuffix("_t")).newbyteorder("<")).tobytes()
    return np.frombuffer(data + bytes(-len(data) % 4), "<u4").astype(np.uint32)


def sealed(tables: UInt32[np.ndarray, " word"]) -> UInt32[np.ndarray, " more"]:
    """Return a copy: words of tables, zeros up to whole blocks, and the word that brings their sum to `TOTAL`."""
    whole = np.append(tables, np.zeros(BLOCK - len(tables) % BLOCK, np.uint32))
    whole[-1] = rotating_sum(whole) ^ TOTAL
    return whole


def _structure(chosen: Mapping[str, re.Match[str]]) -> dict[str, str]:
    """Return what `copies.c` is filled with."""
    tables = {name: words(m[1], _values(m[3])) for name, m in chosen.items()}
    whole = sealed(np.concatenate(list(tables.values())))
    filling = len(whole) - sum(map(len, tables.values()))
    members, values, names = list[str](), list[str](), list[str]()
    for name, match in chosen.items():
        count = 4 * len(tables[name]) // np.dtype(match[1].removesuffix("_t")).itemsize
        members.append(f"        {match[1]} {name}_[{count}];")
        values.append(f"    {{{match[3].strip()}}},")
        names.append(f"#define {name} (KEPT.{name}_)")
    last = ", ".join(f"{word:#010x}u" for word in whole[-filling:].tolist())
    return {
        "MEMBERS": "\n".join(members),
        "FILLING": str(filling),
        "WORDS": str(len(whole)),
        "VALUES": "\n".join(["    {{", *values, f"    {{{last}}}}}}}"]),
        "NAMES": "\n".join(names),
        "TOTAL": f"{TOTAL:#010x}u",
    }


def _paired(source: str, chosen: Mapping[str, re.Match[str]]) -> str:
    """Return the source with a descriptor for each copy where it names a copied table."""
    word = re.compile(rf"\b({'|'.join(chosen)})\b")

    def pair(match: re.Match[str]) -> str:
        kind, name, value = match.groups()
        if not word.search(value):
            return match[0]
        each = ",\n    ".join(word.sub(rf"kept[{number}].of.\1_", value) for number in (0, 1))
        return (
            f"static const {kind} {name}_of[2] = {{\n    {each}}};\n#define {name} ({name}_of[second != 0])"
        )

    return _DESCRIPTOR.sub(pair, source)


def _answering(source: str, chosen: Mapping[str, re.Match[str]]) -> str:
    """Return the source with a check of the copies wherever an answer was computed."""
    network = "static int decide(model_arena *arena)\n" in source
    answer, takes, after = (
        ("decide", "model_arena *arena", "void model_init(")
        if network
        else ("finish_bank", "model_arena *arena, model_bank *bank", "static void start(")
    )
    again = network and not any(name.startswith(STREAMED) for name in chosen)
    gives = ", ".join(re.findall(r"(\w+)(?:,|$)", takes))
    stops = int("guard_fault" in source)
    made = {"ANSWER": answer, "TAKES": takes, "GIVES": gives, "FIRST": str(stops)}
    source = _once(source, f"static int {answer}({takes})\n", f"static int {answer}_once({takes})\n")
    made = filled(_text("copies_again" if again else "copies_stop"), made)
    source = _once(source, f"\n{after}", f"\n{made}{after}")
    if again:
        return source
    source = source.replace("    model_init(arena);\n", "    init_once(arena);\n")
    source = _once(
        source, "void model_init(model_arena *arena)\n", "static void init_once(model_arena *arena)\n"
    )
    return f"{source}\n{_text('copies_init')}"


def _once(source: str, old: str, new: str) -> str:
    assert source.count(old) == 1, f"there is one {old.strip()}"
    return source.replace(old, new)


def _values(text: str) -> list[int]:
    return [int(value) for value in text.replace("\n", " ").split(",")]


def _text(name: str) -> str:
    return (files("sarto") / "deploy" / "c" / "guard" / f"{name}.c").read_text(encoding="utf-8")
