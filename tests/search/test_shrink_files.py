"""What the folder of a shrunk network tells of its making."""

from sarto.learn.loop import History
from sarto.search.shrink_files import training_table


def test_every_pass_of_every_tuning_is_a_row_and_what_was_not_validated_is_empty() -> None:
    late = History(loss=[0.9, 0.8, 0.7], validation_loss=[0.75], validation_accuracy=[0.8])
    never = History(loss=[0.6])
    table = training_table([("gradual:0.9", late), ("rate:0.1", never)])
    assert table.rows == (
        (1, "gradual:0.9", 1, 0.9, "", ""),
        (1, "gradual:0.9", 2, 0.8, "", ""),
        (1, "gradual:0.9", 3, 0.7, 0.75, 0.8),
        (2, "rate:0.1", 1, 0.6, "", ""),
    )
