"""Rows about claims, schedule, interest, calendars and reports, typed as the files print them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cape_engine.dates import first_day, last_day
from cape_engine.rules.dated import Dated


@dataclass(frozen=True, slots=True)
class InterestQuarter:
    """Interest rates of one quarter (19 CFR 24.36, 26 USC 6621), yearly, in billionths."""

    quarter_start: dt.date
    quarter_end: dt.date
    underpayment_rate_e9: int
    corporate_rate_e9: int
    noncorporate_rate_e9: int
    source: str
    confidence: str

    @property
    def from_day(self) -> int:
        """First day number of the quarter."""
        return first_day(self.quarter_start)

    @property
    def to_day(self) -> int:
        """Last day number of the quarter."""
        return last_day(self.quarter_end)


@dataclass(frozen=True, slots=True)
class ShortTermQuarter:
    """Federal short-term rate F of one quarter and F + 0.5 (26 USC 6621(a)(1) and (b)), yearly, in billionths."""

    quarter_start: dt.date
    quarter_end: dt.date
    federal_short_term_rate_e9: int
    large_corporate_rate_e9: int
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class FeeLimits(Dated):
    """Merchandise processing fee and flat fees of one fiscal year; amounts in cents."""

    fiscal_year: str
    effective_from: dt.date
    effective_to: dt.date | None
    mpf_rate_e9: int
    mpf_minimum_cents: int
    mpf_maximum_cents: int
    informal_fee_311_cents: int
    mail_fee_496_cents: int
    manual_surcharge_500_cents: int
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class FeeClass:
    """An accounting class code and what removal of IEEPA numbers does to it."""

    class_code: str
    name: str
    kind: str
    level: str
    basis: str
    effect_of_ieepa_removal: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class EntryTypeRow(Dated):
    """What CAPE does with an entry type in one period.

    Attributes:
        cape_status: accepted, accepted_waits, refused or unknown.
        rule_id: the eligibility rule that refuses it; blank for none.
    """

    code: str
    meaning: str
    formality: str
    filed_in_ace_ae: bool
    cape_status: str
    effective_from: dt.date | None
    effective_to: dt.date | None
    condition: str
    rule_id: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class EligibilityRule(Dated):
    """One dated rule of the claim portal; the order of the file is the order of the checks (clarification 1).

    Attributes:
        level: file or entry.
        outcome: reject_file, reject_entry, warn, accept, accept_wait, lock, leave_automatic_path or off.
        phase: phases in which it holds, such as ("1", "2", "3").
        message: CBP's words, blank where they are not published.
        message_ours: our words; blank where CBP's are known.
    """

    rule_id: str
    level: str
    stage: str
    outcome: str
    condition: str
    fields: tuple[str, ...]
    effective_from: dt.date
    effective_to: dt.date | None
    phase: tuple[str, ...]
    message: str
    message_ours: str
    official_message_known: bool
    source: str
    confidence: str
    open_question: str

    @property
    def words(self) -> str:
        """CBP's message, else ours."""
        return self.message or self.message_ours

    @property
    def reason_code(self) -> str:
        """The word of `reason_codes`: the rule's id in upper case (clarification 1)."""
        return self.rule_id.upper()


@dataclass(frozen=True, slots=True)
class Holiday:
    """A weekday on which CBP or the Federal Reserve is closed by statute."""

    date: dt.date
    name: str
    cbp_closed: bool
    fed_closed: bool
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Closure:
    """A one-off closure of executive departments by executive order; the Federal Reserve stays open."""

    date: dt.date
    authority: str
    reason: str
    applies_to: str
    source: str
    confidence: str
    note: str


@dataclass(frozen=True, slots=True)
class Policy(Dated):
    """Scheduling policy of one phase (handbook 6.2); the settings `schedule.*` carry the same figures as defaults."""

    phase: str
    effective_from: dt.date
    effective_to: dt.date | None
    days_unliquidated: int
    accept_window: int
    reliq_limit: int
    run_days: tuple[str, ...]
    calendar: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class StatusWord:
    """A status word as reports print it, and the accepted word of the schema (clarification 6)."""

    column: str
    seen: str
    word: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class HoldCode:
    """An extension or suspension code that holds an entry by itself (clarification 33)."""

    code: str
    kind: str
    meaning: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """Something that picks an accepted entry for review (handbook 6.4).

    Attributes:
        kind: `flag`, `amount` or `sample`.
        flags: for kind `flag` the names of `schema.codes.Flag` that pick, any of them.
        setting: the setting that switches it.
        default_on: whether it picks while that setting has its default.
    """

    rule: str
    kind: str
    flags: tuple[str, ...]
    setting: str
    condition: str
    default_on: bool
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class EntryState:
    """A state in the life of an entry (handbook 1.5).

    Attributes:
        code: number under which ledgers keep the state; never given to another one.
        live: whether a claim in this state holds the entry, so that no other claim may.
        moved_by: who moves an entry into it.
        cbp_word: words of CBP's reports for it, where known.
    """

    code: int
    state: str
    meaning: str
    live: bool
    moved_by: tuple[str, ...]
    cbp_word: tuple[str, ...]
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class StateTransition:
    """A step from one state to the next: who takes it, and what must hold (handbook 1.5)."""

    from_state: str
    to_state: str
    who: str
    guard: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class EventKind:
    """An event that arrives from outside: which entries it fits, and what it does to them (handbook 6.3).

    Attributes:
        kind: its word in files of events; events of one day are played in the order of the file.
        from_states: states it fits.
        to_state: state it leads to; blank where the state stays.
        holds: holds it ends; blank for all.
        effect: release (a hold or a review ends), basis (a liquidation by CBP), review (an officer must look).
        limit: until when a released entry must be liquidated.
        liquidation_date: whether the event gives one.
        words: what it means.
        source: where the rule comes from.
        confidence: how sure that is.
    """

    kind: str
    from_states: tuple[str, ...]
    to_state: str
    holds: tuple[str, ...]
    effect: str
    limit: str
    liquidation_date: str
    words: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column of ES-003 as reports print it, and our name for it."""

    source_column: str
    canonical: str
    type: str
    format_quirks: str
    aliases: tuple[str, ...]
    layout: str
    in_default_es003: bool | None
    need: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class FailureRoute:
    """What a filer can do about an entry that a rule refuses, and what once the day for it has passed.

    The order of the rows decides which route an entry takes that several rules refuse.

    Attributes:
        rule_id: rule of the eligibility table, or one of our own reasons in lower case.
        route: one word: psc, wait, protest, court, other_filer and the like.
        deadline: the day that matters: psc, window (80 days), protest (180 days), court; blank for none.
        remedy: what to do by then.
        late_route, late_deadline, late_remedy: the same once that day has passed; blank where it does not matter.
    """

    rule_id: str
    route: str
    deadline: str
    remedy: str
    late_route: str
    late_deadline: str
    late_remedy: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class CauseCode:
    """What a difference between what we expect and what CBP paid can come from (handbook 7.6).

    Attributes:
        cause: cause code.
        place: causes are tested in ascending order, the first that fits is the cause.
        meaning: in one sentence.
        who_acts: who acts next.
        next_step: what to do.
        closes: whether the cause explains the difference, so that a controller may close it.
    """

    cause: str
    place: int
    meaning: str
    who_acts: str
    next_step: str
    closes: bool
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class OtherReportColumn:
    """A column of another CBP report; a blank name means that the columns are unpublished."""

    report: str
    source_column: str
    canonical: str
    type: str
    format_quirks: str
    confirmed: str
    source: str
    confidence: str
