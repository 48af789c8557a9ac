from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sarto.core.table import Table
from sarto.report.palette import KINDS
from sarto.report.stack import MOST_PARTS, memory_map


def table(rows: list[tuple[str, int, str]]) -> Table:
    return Table("flash map", ("name", "bytes", "kind"), ("", "B", ""), tuple(rows), ("", "estimated", ""))


ROWS = st.lists(
    st.tuples(st.text(max_size=4), st.integers(0, 5000), st.sampled_from("abcdefghijkl")),
    min_size=1,
    max_size=60,
)


@given(ROWS, st.integers(1, 300000))
def test_every_byte_is_accounted_for(rows: list[tuple[str, int, str]], total: int) -> None:
    listed = sum(size for _, size, _ in rows)
    stack = memory_map(table(rows), total)
    assert (
        sum(p.size_b for p in stack.parts)
        == sum(size for _, size, _ in stack.kinds)
        == stack.total_b
        == max(listed, total)
    )
    assert stack.excess_b == max(0, listed - total)
    assert len(stack.parts) <= MOST_PARTS
    assert abs(sum(p.share for p in stack.parts) - 1) < 1e-9
    ends = [p.start + p.share for p in stack.parts]
    assert all(abs(end - after.start) < 1e-9 for end, after in zip(ends, stack.parts[1:], strict=False))


def test_kinds_are_together_the_largest_first_and_coloured_alike() -> None:
    stack = memory_map(
        table([("a", 10, "code"), ("b", 50, "weights"), ("c", 20, "code"), ("d", 5, "weights")]), None
    )
    assert [(p.name, p.colour) for p in stack.parts] == [("b", 1), ("d", 1), ("c", 2), ("a", 2)]
    assert stack.kinds == (("weights", 55, 1), ("code", 30, 2))
    assert (stack.total_b, stack.excess_b, stack.how) == (85, 0, "estimated")


def test_what_the_table_does_not_name_is_a_part_of_its_own_at_the_end() -> None:
    stack = memory_map(table([("a", 10, "code")]), 1000.0)
    assert [(p.name, p.size_b, p.colour) for p in stack.parts] == [
        ("a", 10, 1),
        ("not attributed", 990, KINDS),
    ]


def test_small_parts_beyond_what_can_be_listed_are_summed() -> None:
    stack = memory_map(table([(f"t{i}", 1000 - i, "weights") for i in range(100)]), None)
    assert len(stack.parts) == MOST_PARTS
    rest = next(p for p in stack.parts if p.kind == "several")
    assert rest.name == "61 smaller parts"
    assert rest.size_b == sum(1000 - i for i in range(39, 100))
