"""Settings: every fault is named at once, none tells a secret."""

import pytest

from chassis.core.misconfigured import Misconfigured
from chassis.process.configuration import read_settings

SOUND = {
    "CARBONMARKET_LISTEN": "127.0.0.1:7001",
    "CARBONMARKET_DATABASE_URL": "postgresql://registry:secret@127.0.0.1/registry",
    "CARBONMARKET_KAFKA": "127.0.0.1:9092,127.0.0.1:9093",
    "CARBONMARKET_TRADING_ADDRESS": "127.0.0.1:7002",
    "CARBONMARKET_ACTOR_FROM": "metadata",
    "CARBONMARKET_CLOCK": "rehearsal=2021-07-15T08:00:00+08:00",
}


def test_sound_settings_are_read() -> None:
    settings = read_settings(SOUND, "clearing", ["trading"])
    assert settings.rehearsal_start_ms == 1_626_307_200_000
    assert settings.remotes == {"trading": "127.0.0.1:7002"}
    assert settings.advertise == settings.listen


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(Misconfigured) as raised:
        read_settings({}, "clearing", ["trading"])
    named = {fault.split()[0] for fault in raised.value.faults}
    assert named == SOUND.keys() - {"CARBONMARKET_CLOCK"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CARBONMARKET_LISTEN", "0.0.0.0:7001"),
        ("CARBONMARKET_LISTEN", "127.0.0.1"),
        ("CARBONMARKET_LISTEN", "127.0.0.1:²"),
        ("CARBONMARKET_LISTEN", "127.0.0.1:70000"),
        ("CARBONMARKET_DATABASE_URL", "mysql://registry:secret@127.0.0.1/registry"),
        ("CARBONMARKET_KAFKA", "127.0.0.1"),
        ("CARBONMARKET_TRADING_ADDRESS", "trading"),
        ("CARBONMARKET_ACTOR_FROM", "anything"),
        ("CARBONMARKET_CLOCK", "sundial"),
        ("CARBONMARKET_CLOCK", "rehearsal=yesterday"),
        ("CARBONMARKET_CLOCK", "rehearsal=2021-07-15T08:00:00"),
        ("CARBONMARKET_LOG_LEVEL", "LOUD"),
    ],
)
def test_a_garbled_setting_is_named_and_no_secret_is_told(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        read_settings({**SOUND, name: value}, "clearing", ["trading"])
    assert name in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_service_has_one_log_of_its_own_name_or_several_that_begin_with_it() -> None:
    settings = read_settings(SOUND, "clearing", ["trading"])
    assert (settings.log_id, settings.services) == ("clearing", {"trading": "trading"})
    several = {"CARBONMARKET_TRADING_LOGS": "trading, trading-2", "CARBONMARKET_TRADING_2_ADDRESS": "127.0.0.1:7003"}
    settings = read_settings({**SOUND, **several, "CARBONMARKET_LOG": "clearing-7"}, "clearing", ["trading"])
    assert settings.log_id == "clearing-7"
    assert settings.services == {"trading": "trading", "trading-2": "trading"}
    assert settings.remotes == {"trading": "127.0.0.1:7002", "trading-2": "127.0.0.1:7003"}


@pytest.mark.parametrize("named", ["registry-1", "clearing2", "clearing-A", "clearing-1,clearing-2"])
def test_a_log_that_is_none_of_the_service_is_refused(named: str) -> None:
    with pytest.raises(Misconfigured, match="CARBONMARKET_LOG names"):
        read_settings({**SOUND, "CARBONMARKET_LOG": named}, "clearing", ["trading"])
