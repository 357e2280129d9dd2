"""The rulebook's arithmetic, a second time: limits, closes, changes, fees, sessions (sections 3.2 to 3.8)."""

from datetime import date
from functools import lru_cache

from carbonmarket.trading.v1 import trading_types_pb2 as types

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
CHINA_MS = 8 * 60 * MINUTE_MS
WHOLE_BP = 10_000
WHOLE_PPM = 1_000_000


def nearest(numerator: int, denominator: int) -> int:
    """To the nearest whole, a half away from zero."""
    whole, rest = divmod(abs(numerator), denominator)
    if rest * 2 >= denominator:
        whole += 1
    return whole if numerator >= 0 else -whole


def limits_of(instrument: str, base_fen: int, rules: types.TradingRules) -> types.InstrumentLimits:
    """What an instrument may be traded at on a day (rulebook 3.2, 3.3)."""

    def limit(band_bp: int) -> int:
        return max(nearest(base_fen * (WHOLE_BP + band_bp), WHOLE_BP), 1)

    return types.InstrumentLimits(
        instrument=instrument,
        previous_close_fen=base_fen,
        listed_low_fen=limit(-rules.listed_band_bp),
        listed_high_fen=limit(rules.listed_band_bp),
        block_low_fen=limit(-rules.block_band_bp),
        block_high_fen=limit(rules.block_band_bp),
    )


def change_bp(close_fen: int, previous_fen: int) -> int:
    return nearest((close_fen - previous_fen) * WHOLE_BP, previous_fen)


def fee_fen(value_fen: int, ppm: int) -> int:
    return value_fen * ppm // WHOLE_PPM


def china_day(moment_ms: int) -> str:
    return _day((moment_ms + CHINA_MS) // DAY_MS)


@lru_cache(maxsize=1_000)
def _day(days_since_1970: int) -> str:
    return date.fromordinal(date(1970, 1, 1).toordinal() + days_since_1970).isoformat()


def in_session(sessions: "list[types.Session]", day: str, moment_ms: int) -> bool:
    minute = (moment_ms + CHINA_MS) % DAY_MS // MINUTE_MS
    return china_day(moment_ms) == day and any(each.open_minute <= minute < each.close_minute for each in sessions)
