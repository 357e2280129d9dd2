"""Whether what is heard or answered is the next thing to take in."""

from collections.abc import Collection, Mapping

from chassis.core.record import HeardUpTo
from chassis.core.submission import HeardRecord, OrderAnswer, Submission


def missing_before(submission: Submission, heard: Mapping[str, HeardUpTo], unanswered: Collection[int]) -> int | None:
    """How many records are missing before what is heard; None if it, or the answer, was taken in before: that makes
    hearing exactly once. Whether a record continues its log was checked where it arrived.
    """
    if isinstance(submission, OrderAnswer):
        return 0 if submission.position in unanswered else None
    if not isinstance(submission, HeardRecord):
        return 0
    before = heard.get(submission.upto.log_id)
    position = before.position if before else 0
    if submission.upto.position <= position:
        return None
    return max(submission.upto.position - submission.passed - position - 1, 0)
