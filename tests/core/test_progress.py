"""The silent talk does what the protocols ask."""

import pytest

from sarto.core.progress import Silent, Stage, Talk


def test_silent_is_a_talk_and_a_stage_and_hides_no_error() -> None:
    talk = Silent()
    assert isinstance(talk, Talk)
    with talk.stage("search", 3) as stage:
        assert isinstance(stage, Stage)
        stage.advance(2, "words")
    talk.note("words")
    with pytest.raises(KeyboardInterrupt), talk.stage("x", 1):
        raise KeyboardInterrupt
