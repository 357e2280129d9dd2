"""How to fix what each refusal is about: one sentence per reason that the protos list.

The reason states a fact and the facts give its numbers; the sentence here says what a person can do about it. A test
compares this table with the `Refuses with:` lists.
"""

_RANGE = "Give a value within the range that the refusal names."
_NUMBER = "Give the number that the answer which made it carried."

FIXES = {
    # Any service
    "ACTOR_MISSING": "Name the caller: `--as role:name`, or metadata carbonmarket-actor.",
    "METADATA_REPEATED": "Send the metadata that the refusal names only once: it is unknown which value is meant.",
    "GIVEN_AGAIN_MALFORMED": (
        "Send `yes` with a command that the service lost when it was restored, and leave the metadata out otherwise."
    ),
    "ROLE_NOT_ALLOWED": (
        "Call as one of the roles that the refusal names: `--as ROLE:NAME`, or metadata carbonmarket-actor."
    ),
    "REQUEST_ID_MALFORMED": (
        "Write the request id in 1 to 100 visible ASCII characters; the refusal names the one that is wrong."
    ),
    "REQUEST_ID_MISSING": "Give the command a request_id of its own, so that it can be repeated safely.",
    "REQUEST_ID_REUSED": (
        "This request id was used for another command: take a new id, or send the first command unchanged."
    ),
    "REQUEST_NOT_READABLE": (
        "The bytes are not the message that the rpc takes: build client and service from the same protos."
    ),
    "TOO_MANY_COMMANDS": "Send fewer commands in one message.",
    "COMMAND_MISSING": "Set one of the command's alternatives; perhaps the service does not know a newer one.",
    "EVENT_TOO_LARGE": "Ask for less at once, in several commands.",
    "ENUM_VALUE_UNKNOWN": (
        "The service has no name for the number in that field: send one that its protos list, or ask a newer release."
    ),
    "TEXT_MALFORMED": (
        "Write the field that the refusal names in 1 to 200 characters; it says which one is wrong, and why."
    ),
    "TEXT_HAS_NUL": "Leave out the character NUL, which no text may hold.",
    "NO_HEAD_SIGNED": "Give the service a signing key, or wait until it has published the records that it has.",
    "LOG_HAS_FORKED": (
        "The service signed another digest for this position before: its log was changed, or restored from an older "
        "backup. Keep both digests, and inform its operator and the regulator."
    ),
    "FEED_OF_ANOTHER_ACCOUNT": "Read the feed of your own account.",
    "NOT_A_REHEARSAL": "Only a rehearsal's clock can be moved; this market follows real time.",
    "CLOCK_OUT_OF_RANGE": "Give a time within the bounds in the facts: a recorded time can never be undone.",
    "CLOCK_MOVED_BACK": "Give a time after the present one: a log's time never goes back.",
    "SET_ASIDE_UNKNOWN": "Give the position that `carbonmarket status` shows; it may be decided or dropped already.",
    "THROUGH_POSITION_TOO_LOW": "Give the position of the last one to drop, at or after the first.",
    "SOURCE_UNKNOWN": "Name a service whose log this one hears.",
    "HEARING_NOT_HALTED": "Nothing needs to be done: the source is heard.",
    "POSITION_NOT_HEARD": "Give the record that both logs agree on: the last one heard, or one before it.",
    "POSITION_OUT_OF_RANGE": "Give the position of a record of the source, from 1.",
    "DIGEST_MALFORMED": "Give the record's whole digest, 32 bytes.",
    "NUMBER_NEGATIVE": "Give zero or more in the field that the refusal names.",
    "PAGE_TOKEN_MADE_ELSEWHERE": (
        "A page token goes with the list, the filter and the caller it was made for: start that list again from its "
        "first page."
    ),
    "PAGE_TOKEN_MALFORMED": "Give the next_page_token of the page before as it came, or none for the first page.",
    # Shapes
    "ACCOUNT_MALFORMED": "Write the account as 2 to 32 of a-z, 0-9 and -, beginning with a letter or digit.",
    "ACCOUNT_KIND_UNKNOWN": "Name the kind: province, key_emitting_entity, institution or individual.",
    "AMOUNT_OUT_OF_RANGE": "Give an amount within the bounds that the refusal names.",
    "ATTEMPT_OUT_OF_RANGE": "Attempts count from 1.",
    "BANK_MALFORMED": "Name the settlement bank as it is named as an actor.",
    "BANK_REFERENCE_MALFORMED": (
        "Give the bank's own name of the movement, 1 to 64 visible ASCII characters; the refusal names the wrong one."
    ),
    "BLOCK_ID_OUT_OF_RANGE": _NUMBER,
    "COMPLIANCE_YEAR_OUT_OF_RANGE": _RANGE,
    "DAY_MALFORMED": "Write the day as 2021-07-16.",
    "DAYS_MISSING": "Name at least one day.",
    "FEE_OUT_OF_RANGE": _RANGE,
    "INSTRUMENT_MALFORMED": "Write the instrument as 2 to 12 of A-Z and 0-9, for example CEA21.",
    "LEGS_OUT_OF_RANGE": "Deliver between one leg and the number that the refusal names.",
    "ORDER_ID_OUT_OF_RANGE": _NUMBER,
    "PRICE_OUT_OF_RANGE": "Give a price within the bounds that the refusal names.",
    "QUANTITY_OUT_OF_RANGE": "Give whole tonnes within the bounds that the refusal names.",
    "RULES_MALFORMED": "Correct the field that the refusal names.",
    "RUN_ID_OUT_OF_RANGE": "Runs count from 1.",
    "SIDE_UNSPECIFIED": "Say whether to buy or to sell.",
    "TOO_MANY_BANKS": "Name fewer banks.",
    "TOO_MANY_DAYS": "Announce fewer days at once, in several commands.",
    "TOO_MANY_TRADES": "Name fewer trades.",
    "TRADES_MISSING": "Name at least one trade.",
    "TRADE_ID_OUT_OF_RANGE": "Trades count from 1.",
    "TRADE_NAMED_TWICE": "Name each trade once.",
    "VALUE_OUT_OF_RANGE": "Lower the quantity or the price: their product is more than the market's books can hold.",
    "VINTAGE_MALFORMED": "Write the vintage as 2 to 12 of A-Z and 0-9, for example CEA21.",
    "WEIGHTS_MALFORMED": "Give each instrument once, with a whole weight of zero or more and at least one above zero.",
    # Accounts
    "ACCOUNT_ALREADY_OPENED": "The account is open already; an entity has exactly one.",
    "ACCOUNT_ALREADY_RESTRICTED": "Nothing needs to be done: the account is restricted.",
    "ACCOUNT_CLOSED": "The account is closed for ever; use another one.",
    "ACCOUNT_DATA_UNCHANGED": "Nothing needs to be done: the account's data is that already.",
    "ACCOUNT_IN_USE": "Restrict the account first: nothing may be traded while it is being closed.",
    "ACCOUNT_NOT_WOUND_UP": "Wait until the account's trades are settled and trading has said so, then close it again.",
    "ACCOUNT_NOT_A_KEY_EMITTING_ENTITY": "Allocate to a key emitting entity; others get allowances by buying them.",
    "ACCOUNT_NOT_A_PROVINCE": "Issue to a province's account; the province allocates them.",
    "ACCOUNT_NOT_ELIGIBLE_TO_TRADE": "Only an account opened as eligible may trade; ask the registry's operator.",
    "ACCOUNT_NOT_EMPTY": "Give away or return what the account still holds first.",
    "ACCOUNT_NOT_RESTRICTED": "Nothing needs to be done: the account is not restricted.",
    "ACCOUNT_OF_ANOTHER_PROVINCE": "Allocate to an entity of your own province.",
    "ACCOUNT_RESTRICTED": "Remove the ground of the restriction and ask the registry's operator to lift it.",
    "ACCOUNT_UNKNOWN": (
        "Check the account's name. It is not known as of a day or position before it was opened, and in trading and "
        "clearing a moment after."
    ),
    "TOO_MANY_ACCOUNTS": "The registry is full: every account takes time of each morning's opening.",
    "NOT_OWNER_OF_ACCOUNT": "Name your own account: participant:NAME acts for the account NAME and for no other.",
    "PROVINCE_CLOSED": "Name a province whose account is open.",
    "PROVINCE_MISSING": "Name the account of the entity's province.",
    "PROVINCE_NEVER_TRADES": "Open a province's account as not eligible to trade.",
    "PROVINCE_NOT_EMPTY": "A province's account belongs to no other province: leave it out.",
    "PROVINCE_UNKNOWN": "Open the province's account first.",
    # Allowances
    "INSUFFICIENT_ALLOWANCES": (
        "Lower the quantity to what is available; what was bought today can be sold from the next day on."
    ),
    "TOO_MANY_VINTAGES": "The registry is full: there is a vintage for every year that it may have.",
    "VINTAGE_ALREADY_CREATED": "Nothing needs to be done: the vintage exists.",
    "VINTAGE_QUANTITY_EXCEEDED": "Issue less: a vintage has a largest quantity.",
    "VINTAGE_UNKNOWN": "Check the vintage's code; the registry creates it first.",
    "TREE_UNKNOWN": "Give the name of a tree that GetCommitments stated at that position.",
    "TOO_MANY_PLACES": "Ask about fewer places of a tree at once.",
    "PLACE_MALFORMED": "A place is fewer than 64 digits, each 0 to 15, one a byte.",
    "POSITION_BEYOND_END": (
        "The log ends before that position: give one that this service's log has reached. If this service gave it, "
        "the log came back older; tell its operator."
    ),
    "SEQUENCE_BEYOND_END": (
        "The feed ends before that number: give one that this service's feed of this account has reached. If this "
        "service gave it, its log came back older; tell its operator."
    ),
    # The trading day
    "ALREADY_SUSPENDED": "Nothing needs to be done: trading is suspended.",
    "BOOKS_NOT_COMPARED": (
        "Wait for the comparison of the books, it follows the settlement by itself; or let two operators override."
    ),
    "BOOKS_NOT_AGREED": (
        "Look at the day's reconciliation, correct the difference and reconcile again; or let two operators override."
    ),
    "BULLETIN_UNKNOWN": "A bulletin exists once its day is closed.",
    "COMPOSITE_UNKNOWN": (
        "A later instrument takes the composite close as its reference: set composite weights and close a day first."
    ),
    "DAY_ALREADY_ANNOUNCED": "Announce days after the last one announced.",
    "DAY_ALREADY_OPENED": "Choose a later day: the rules of an opened day are fixed.",
    "DAY_IS_OVER": "Its sessions are past: open the next trading day.",
    "DAY_FULL": "The day has as many trades as can be settled: trade on the next day.",
    "DAY_VALUE_FULL": "The day would be worth more than the books can add up: trade less, or on the next day.",
    "DAY_NOT_OPEN": "Wait for the trading day to open.",
    "DAY_NOT_TODAY": "Open a day on that day itself.",
    "DAY_ON_WEEKEND": "Leave Saturdays and Sundays out.",
    "DAY_STILL_OPEN": "Close the open day first.",
    "DAY_TOO_FAR_AHEAD": "Announce days up to the one that the refusal names; later ones when their time comes nearer.",
    "DAY_UNKNOWN": "It was not announced as a trading day: choose one that was, such as the day before or after it.",
    "DAYS_NOT_ASCENDING": "Give the days in order, each once.",
    "EARLIER_DAY_NOT_SETTLED": (
        "See why the earlier day's run waits (`carbonmarket runs`). When it is completed, the next run begins by "
        "itself, and the next day can be opened; before that, two operators may override an opening."
    ),
    "DAY_NOT_CLOSED": "Wait until trading has closed the day, then retry the run.",
    "EXCLUDED_TRADE_UNKNOWN": "Exclude trades of that day alone, and none that is settled.",
    "TOTALS_DIFFER": "Find what one of the two books lacks; the facts name the figures that differ.",
    "HEARING_HALTED": "See why the source is not heard (`carbonmarket status`) and follow the runbook.",
    "SET_ASIDE_PENDING": "See what waits for people (`carbonmarket status`) and fix its cause.",
    "INSTRUMENT_ALREADY_ADMITTED": "Nothing needs to be done: the instrument is admitted to trading.",
    "INSTRUMENT_NOT_ADMITTED": "Choose an instrument that is admitted to trading on this day.",
    "INSTRUMENT_UNKNOWN": "Check the instrument's code; the registry creates the vintage first.",
    "NO_INSTRUMENT_ADMITTED": "Admit an instrument to trading first, from this day or an earlier one on.",
    "NOT_SUSPENDED": "Nothing needs to be done: trading is not suspended.",
    "OPENING_NOT_BLOCKED": "Nothing prevents it: open the day.",
    "OVERRIDE_ALREADY_APPROVED": "Nothing needs to be done: open the day.",
    "REFERENCE_PRICE_IS_COMPOSITE_CLOSE": (
        "Leave the reference price out: it is the composite close, because the market has opened already."
    ),
    "REFERENCE_PRICE_MISSING": "Give the reference price: before the market's first day there is no composite close.",
    "RULES_MISSING": "Set trading rules that are valid on this day first.",
    "SECOND_PERSON_REQUIRED": "Let another operator approve it: two people are needed.",
    "APPROVAL_REQUIRED": "Propose it (`--propose`); another person approves it (`carbonmarket pending`).",
    "COMMAND_TOO_LARGE": "Propose less at once, in several commands.",
    "COMMAND_UNKNOWN": "Name a command of this service: in a rule like its rpc (SetFees), else by its request.",
    "COMMAND_NOT_READABLE": "The bytes are not the request that its name says: build both from the same protos.",
    "ORDER_NOT_UNANSWERED": "Give the position of an order that awaits its answer (`carbonmarket status`).",
    "COMMAND_NAMED_TWICE": "Name each command once.",
    "COMMAND_NEVER_TAKES_TWO": (
        "A service gives it, or somebody for an account of its own: give it directly, and leave it out of the rules."
    ),
    "DAY_IN_THE_PAST": "Set the rule from today on or from a later day.",
    "OPEN_HOURS_OUT_OF_RANGE": "Give the hours within the bounds that the refusal names.",
    "TOO_MANY_RULES_AHEAD": "Set again what is set for a day to come, or wait until such a day was opened.",
    "TOO_MANY_BANK_LISTS": "Set again the list of a day to come, or wait until one is valid.",
    "TOO_MANY_APPROVAL_RULES": "Set again a rule of a day to come, or wait until one is valid.",
    "TOO_MANY_PROPOSALS_OF_ONE_PERSON": (
        "Have your own proposals approved, or reject them, first (`carbonmarket pending`)."
    ),
    "TOO_MANY_PROPOSALS": "Approve or reject what is pending first (`carbonmarket pending`).",
    "PROPOSALS_TOO_LARGE": "Approve or reject what is pending first (`carbonmarket pending`), or propose less at once.",
    "PROPOSAL_UNKNOWN": "Give a number that `carbonmarket pending` shows: others were decided or have expired.",
    "PROPOSAL_EXPIRED": "Its time is over: propose it again.",
    "PROPOSAL_OUTDATED": (
        "It would do something else now than it shows, or something newer than it was about: reject it, propose it "
        "again, and look at what that shows."
    ),
    "TIMER_NOT_DUE": "The timer is not due any more: drop it, and settle what it leaves open.",
    "SESSION_NOT_OVER": "Wait for the end of the day's last session.",
    # Orders
    "BEYOND_BEST_LEVELS": "Take a listing within the best levels, which `carbonmarket book` shows.",
    "INSUFFICIENT_FUNDS": (
        "Lower the quantity or the price, cancel an order, or pay money in: value and fee are locked in full."
    ),
    "LISTING_CHANGED": "Look at the book again and send the price that it shows.",
    "LISTING_GONE": "It was taken, cancelled or expired: choose another listing.",
    "ORDER_NOT_OPEN": "Nothing is left of it to cancel.",
    "ORDER_UNKNOWN": "Check the order's number.",
    "OUT_OF_SESSION": "Wait for a session; `carbonmarket days` shows the hours of both methods.",
    "OWN_LISTING": "Take somebody else's listing, or cancel your own.",
    "PRICE_OFF_TICK": "Give a price that is a multiple of the tick.",
    "PRICE_OUTSIDE_DAILY_LIMIT": (
        "Give a price between the day's limits, both included; `carbonmarket instruments` shows them."
    ),
    "QUANTITY_ABOVE_LISTED_MAX": "Split the order, or use block agreement for large quantities.",
    "QUANTITY_ABOVE_LISTING": "Take no more than is left of the listing.",
    "QUANTITY_OFF_TICK": "Give a quantity that is a multiple of the tick.",
    "TOO_MANY_OPEN_ORDERS": "Cancel an open order first.",
    "TRADING_SUSPENDED": "Wait until the exchange resumes trading; orders may be cancelled meanwhile.",
    "NOT_PARTY_TO_TRADE": "A trade is shown to its two sides, to operators and to auditors.",
    "TRADE_UNKNOWN": "Check the trade's number.",
    # Blocks
    "BLOCK_NOT_OPEN": "The negotiation has ended: offer a new block.",
    "BLOCK_TERMS_CHANGED": "Look at the block's current terms and send those.",
    "BLOCK_UNKNOWN": "Check the block's number.",
    "COUNTERPARTY_MAY_NOT_TRADE": "Choose a counterparty that may trade.",
    "COUNTERPARTY_UNKNOWN": "Check the counterparty's account.",
    "NOT_PARTY_TO_BLOCK": "Only its two sides may act on a block.",
    "NOT_YOUR_TERMS": "The terms are the other side's: confirm, quote or decline them.",
    "NOT_YOUR_TURN": "The current terms are yours: wait for the other side, or withdraw them.",
    "OWN_COUNTERPARTY": "Name another account as counterparty.",
    "PRICE_OUTSIDE_BLOCK_LIMIT": "Give a price between the block limits; `carbonmarket instruments` shows them.",
    "QUANTITY_BELOW_BLOCK_MIN": "Give at least the block minimum, or use listed agreement.",
    "TOO_MANY_OPEN_BLOCKS": "End a negotiation first.",
    # Money
    "DEPOSITS_OUT_OF_RANGE": "All ever paid in for the account would be more than a statement can hold: check it.",
    "POOL_OUT_OF_RANGE": "All money together would be more than the books can hold: check the amount.",
    "BANK_REFERENCE_ALREADY_RECORDED": (
        "Nothing needs to be done if this is the same movement; else give its own reference."
    ),
    "BANKS_MISSING": "Name at least one bank.",
    "BANK_NAMED_TWICE": "Name each bank once.",
    "BANK_UNKNOWN": (
        "Check the name (`carbonmarket banks`); the registry's operator sets which banks hold the market's money."
    ),
    "PAYOUT_INSTRUCTION_REVOKED": (
        "Nothing needs to be done: two operators revoked the instruction. If your bank has paid, record that."
    ),
    "INSUFFICIENT_WITHDRAWABLE_FUNDS": (
        "Lower the amount: proceeds can leave once they are settled, and what is locked stays."
    ),
    "PAYOUT_ALREADY_INSTRUCTED": (
        "Nothing needs to be done: a bank has been instructed to pay it. If it is the wrong one, two operators revoke "
        "that (`carbonmarket payouts revoke`)."
    ),
    "PAYOUT_CLOSED": "The payout was paid or returned already.",
    "PAYOUT_EXCEEDS_SETTLED_FUNDS": "Wait until the account's trades are settled, then release less.",
    "PAYOUT_NOT_INSTRUCTED": "The clearing operator instructs the payout first.",
    "PAYOUT_OF_ANOTHER_BANK": "Only the bank that was instructed to pay may record it.",
    "PAYOUT_UNKNOWN": "Check the payout's number.",
    # Settlement
    "DAY_NOT_BEGUN": "A day has a statement from its beginning on: choose today or an earlier trading day.",
    "DAY_NOT_OVER": "Ask for an earlier day, or wait: a day is over a minute after midnight, China's time.",
    "DAY_BEFORE_LOG": "Ask for a later day: this log had no record yet.",
    "SUPPLY_NOT_SIGNED": "Ask the registry's operators to give it a signing key.",
    "SUPPLY_NOT_PROVED": (
        "Tell the registry's operators, who rebuild its tables, and the regulator: its books of that day are not what "
        "they must be."
    ),
    "DAY_NOT_RECONCILED": "The books of a day are compared after its settlement: look at its run.",
    "DAY_NOT_SETTLED_LAST": "Only the day settled last can be reconciled again.",
    "RECONCILIATION_UNDER_WAY": "Wait for its outcome.",
    "RUN_COMPLETED": "Nothing needs to be done: the run is completed.",
    "RUN_NOT_BLOCKED": "The run is moving: look again in a moment.",
    "RUN_NOT_BLOCKED_BY_A_TRADE": (
        "Fix what the run says it waits for, then retry it: leaving trades out would not help."
    ),
    "RUN_UNKNOWN": "Check the run's number.",
    "TOO_MANY_TRADES_FUNDED": ("Too many trades depend on these: name fewer, or deposit the missing money and retry."),
    "TRADE_NOT_IN_RUN": "Name trades of this run.",
    # Between the services: a person meets these in a run that waits, or in what is set aside
    "ANSWER_NOT_AWAITED": "An answer came to no order: see the log of the service that sent it.",
    "ATTEMPT_OUT_OF_ORDER": "The registry has refused this attempt of the run before: see the run's steps.",
    "DAY_OUT_OF_ORDER": "A day came before the one ahead of it: see trading's log.",
    "NOT_THE_CLEARING_SERVICE": "Only the clearing service orders deliveries.",
    "RELEASE_LEVEL_NOT_NEXT": "Activate the levels one by one: the next is the active one plus one, see the status.",
    "RELEASE_LEVEL_UNKNOWN": "Roll out a release that knows the level first; the status says what this one knows.",
    "RELEASE_NOT_ACTIVE": "Ask the operators to activate the release level on this service, then try again.",
    "LEGS_NOT_ASCENDING": "List the legs in the order of their trades, each once.",
    "PAGE_OUT_OF_ORDER": "Stage the pages one after another, from the first.",
    "PAGE_OUT_OF_RANGE": "Count the pages from 1.",
    "STAGED_LEGS_DIFFER": "What was staged is not what was ordered: retry the run, which stages its legs anew.",
    "RUN_ALREADY_DELIVERED": (
        "The run was delivered with other legs: compare the logs of clearing and the registry, as the runbook says."
    ),
    "RUN_OUT_OF_ORDER": (
        "The registry has delivered a later run: compare the logs of clearing and the registry, as the runbook says."
    ),
    "RUN_TOO_FAR_AHEAD": "No market reaches this number: see who calls as clearing, as the runbook says.",
    "TRADE_TOO_FAR_AHEAD": "No market reaches this number: see who calls as clearing, as the runbook says.",
    "TOO_MANY_VOID_ATTEMPTS": (
        "Remove the obstacle that it names, and see who else orders this run as clearing, as the runbook says."
    ),
    "FUND_ENTRY_TOO_FAR_AHEAD": "Clearing has not reached this number: see clearing's log.",
    "RELEASE_TOO_FAR_AHEAD": "Trading has not reached this number: see trading's log.",
    "RETURN_TOO_FAR_AHEAD": "Trading has not reached this number: see trading's log.",
    "SELLER_IS_BUYER": "A leg needs two accounts: see the trade.",
    "TRADE_OUT_OF_ORDER": "A trade came before the one ahead of it: see trading's log.",
    "TRADING_DAY_CLOSED": "A trade came after its day was closed: see trading's log.",
    "VALUE_DIFFERS": "A trade's value is not its price times its quantity: see trading's log.",
}

UNKNOWN = "Look the reason up at the rpc in the protos; a newer client knows how to fix it."


def how_to_fix(reason: str) -> str:
    """One sentence that says how to put a refusal right."""
    return FIXES.get(reason, UNKNOWN)
