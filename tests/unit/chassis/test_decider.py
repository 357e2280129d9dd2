"""A domain's tables: put together from those of its concepts, in which a type occurs once."""

import pytest

from chassis.core.decider import merged


def test_the_tables_of_all_concepts_are_one() -> None:
    assert merged({int: "whole"}, {}, {str: "said", bytes: "raw"}) == {int: "whole", str: "said", bytes: "raw"}


def test_a_type_that_stands_in_two_tables_is_found() -> None:
    with pytest.raises(AssertionError, match=r"in two tables: \['int', 'str'\]"):
        merged({int: "whole", str: "said"}, {bytes: "raw"}, {str: "again", int: "again"})
