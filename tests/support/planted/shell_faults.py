"""Faults planted in hearing, caller, publisher, timers and the way to the leadership; most are found by a seed."""

from support.planted.fault import CHASSIS, Change, Fault

SEEDED = (
    "tests/simulation/test_market.py::"
    "test_whatever_befalls_a_seeded_market_its_books_agree_in_the_end_and_no_queue_is_left"
)
ORDER_KNOWN_OTHERWISE = (
    "tests/simulation/test_lost_run.py::"
    "test_an_order_whose_receiver_knows_another_command_by_its_name_is_answered_under_another_one"
)
"""Plays the day of this kind that seeds draw; no other kind renames an order."""

SHELL_FAULTS = (
    Fault(
        "a fork that is just as long is not noticed",
        (
            Change(
                f"{CHASSIS}/followers/hearing.py",
                "            if reading.records[0].digest != heard.digest:\n",
                "            if False:\n",
            ),
        ),
        "tests/unit/chassis/test_hearing_halted.py::test_a_source_that_forked_and_is_just_as_long_halts_hearing_at_the_next_look",
        "test_a_source_that_forked_and_is_just_as_long",
    ),
    Fault(
        "two signed heads of one position are not kept as a proof",
        (
            Change(
                f"{CHASSIS}/log/forks.py",
                '            await retried(f"hearing {self._source}", lambda: self._store.keep_fork_proof(proof))\n',
                "",
            ),
        ),
        "tests/unit/chassis/test_forks.py",
        "test_two_signed_heads_that_kafka_brings_for_one_position_are_kept_as_the_proof_and_told",
    ),
    Fault(
        "the entries of a feed do not continue each other",
        (
            Change(
                f"{CHASSIS}/followers/projections.py",
                "heads.get(account) or self.feed_head(account)",
                "self.feed_head(account)",
            ),
        ),
        "tests/unit/chassis/test_feed_chain.py",
        "test_however_accounts_alternate_and_batches_are_cut",
    ),
    Fault(
        "the end of a feed is signed with two digests",
        (
            Change(
                f"{CHASSIS}/log/seals.py",
                '            raise Forked(f"entry {head.sequence} of the feed of {account}", kept, head.digest)\n',
                "            pass\n",
            ),
        ),
        "tests/unit/chassis/test_feeds.py",
        "test_the_end_of_a_feed_is_signed_as_it_was_with_an_entry_and_never_with_two_digests",
    ),
    Fault(
        "a restart forgets the orders that were left unanswered",
        (
            Change(
                f"{CHASSIS}/followers/caller.py",
                "        for position in sorted(self._writer.engine.shell.unanswered):\n",
                "        for position in ():\n",
            ),
        ),
        "tests/unit/chassis/test_caller.py::test_after_a_restart_what_is_unanswered_is_sent_again_under_its_name_and_answered_once",
        "test_after_a_restart_what_is_unanswered_is_sent_again",
    ),
    Fault(
        "an order is sent once, whatever becomes of it",
        (
            Change(
                f"{CHASSIS}/followers/caller.py",
                "            except (NotYet, Unavailable) as error:\n",
                "            except (NotYet, Unavailable) as error:\n                return\n",
            ),
        ),
        "tests/simulation/test_trouble.py::"
        "test_an_order_whose_answer_was_lost_is_sent_again_although_nothing_else_goes_wrong",
        "waited",
    ),
    Fault(
        "an order that got another name is sent under its old one",
        (
            Change(
                f"{CHASSIS}/core/shell.py",
                "{shell.order_names.get(position, position)}",
                "{position}",
            ),
        ),
        ORDER_KNOWN_OTHERWISE,
        "waited",
    ),
    Fault(
        "what the broker did not take counts as published",
        (
            Change(
                f"{CHASSIS}/followers/publisher.py",
                "            await asyncio.sleep(RETRY_SECONDS)\n            return\n",
                "            await asyncio.sleep(RETRY_SECONDS)\n",
            ),
        ),
        SEEDED,
        "to have been sent to the broker",
    ),
    Fault(
        "a new leader publishes from the head on",
        (
            Change(
                f"{CHASSIS}/followers/publisher.py",
                '        self.position = await retried("publishing", lambda: self._tables.load_checkpoint(FOLLOWER))\n',
                "        self.position = self._tail.position\n",
            ),
        ),
        SEEDED,
        "to have been sent to the broker",
    ),
    Fault(
        "a rehearsal jumps over what falls due on its way",
        (
            Change(
                f"{CHASSIS}/followers/timers.py",
                "                await self._step_through_timers(command.to_ms)\n",
                "                pass\n",
            ),
        ),
        "tests/unit/chassis/test_timers.py::test_a_rehearsals_clock_steps_from_timer_to_timer",
        "test_a_rehearsals_clock_steps_from_timer_to_timer",
    ),
    Fault(
        "a clock that was moved is moved again by a repeat",
        (
            Change(
                f"{CHASSIS}/followers/timers.py",
                "            if not await self._writer.log.find([key_of(call.actor, call.request_id)]):\n",
                "            if True:\n",
            ),
        ),
        "tests/unit/chassis/test_timers.py::test_a_move_that_is_refused_does_nothing_that_would_have_fallen_due",
        "test_a_move_that_is_refused_does_nothing",
    ),
    Fault(
        "a new leader does not know how far it has heard",
        (Change(f"{CHASSIS}/process/replica.py", "        engine.hear_from(await log.heard())\n", ""),),
        SEEDED,
        "waited",
    ),
    Fault(
        "a replica leads without asking",
        (
            Change(
                f"{CHASSIS}/process/replica.py", "        while not await self._leads():\n", "        while False:\n"
            ),
        ),
        SEEDED,
        "UNAVAILABLE",
    ),
)
