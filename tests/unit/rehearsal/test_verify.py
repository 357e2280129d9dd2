"""What a service reports of its log fits a screen of 100 columns."""

from rehearsal.verify import on_the_screen

DIGEST = "5b" * 32
AGREE = "clearing: 1234567 records, each continues the one before; 7 witnesses agree"


def test_a_verdict_that_is_too_wide_has_its_digest_on_a_line_of_its_own() -> None:
    assert on_the_screen(f"{AGREE}; digest {DIGEST}").splitlines() == [f"{AGREE};", f"  digest {DIGEST}"]


def test_a_short_verdict_stays_as_it_is() -> None:
    assert on_the_screen(AGREE) == AGREE


def test_a_verdict_without_parts_is_not_cut() -> None:
    assert on_the_screen("registry: " + "x" * 200) == "registry: " + "x" * 200
