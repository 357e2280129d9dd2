"""What others wrote reaches the terminal as text, and what a message cannot carry is refused on the command line."""

import pytest
from click.testing import CliRunner
from rich.console import Console

from carbonmarket_client.cli.failures import USAGE
from carbonmarket_client.cli.orders import orders
from carbonmarket_client.errors import NotConfigured
from carbonmarket_client.screens.layout import UNSEEN, card
from carbonmarket_client.settings import Settings


def test_no_character_that_takes_over_a_terminal_is_shown() -> None:
    console = Console(width=100, record=True, file=None, color_system=None)
    with console.capture() as captured:
        console.print(card("An account", [("ground", "\x1b]0;mine\x07\x1b[2Jall is \u202ewell")]))
    assert not {"\x1b", "\x07", "\u202e"} & set(captured.get())
    assert f"{UNSEEN}]0;mine{UNSEEN}{UNSEEN}[2Jall is {UNSEEN}well" in captured.get()


@pytest.mark.parametrize("number", ["99999999999999999999", "-99999999999999999999"])
def test_a_number_that_no_message_can_carry_is_a_wrong_command_line(number: str) -> None:
    done = CliRunner().invoke(orders, ["take", "--", number, "1", "47"])
    assert done.exit_code == USAGE
    assert "is not between" in done.output


@pytest.mark.parametrize("actor", ["participant:电力", "participant:a\x07"])
def test_an_actor_that_no_call_can_carry_is_told_before_the_call(actor: str) -> None:
    with pytest.raises(NotConfigured):
        Settings(actor=actor).caller()
