"""What the rule files about claims, schedule, interest, calendars and reports must look like."""

from __future__ import annotations

from cape_engine.money import MoneyFault, parse_cents
from cape_engine.rules import read as p
from cape_engine.rules import rows as r
from cape_engine.rules.read import BadValueError, Table
from cape_engine.rules.shared_columns import DATED, DATED_FROM, PERIOD, SOURCE


def _cents(cell: str) -> int:
    """Dollars as text, as cents."""
    value = parse_cents(cell)
    if isinstance(value, MoneyFault):
        raise BadValueError(f"{cell!r} is not an amount like 31.67 ({value.value})")
    return value


DEADLINE_WORD = p.one_of("", "psc", "window", "protest", "court")

INTEREST = Table(
    "interest_rates.csv",
    (
        ("quarter_start", p.day),
        ("quarter_end", p.day),
        ("underpayment_rate", p.rate),
        ("overpayment_corporate_rate", p.rate),
        ("overpayment_noncorporate_rate", p.rate),
        *SOURCE,
    ),
    r.InterestQuarter,
    (),
    ("quarter_start", "quarter_end"),
    gapless=True,
)
SHORT_TERM = Table(
    "federal_short_term_rates.csv",
    (
        ("quarter_start", p.day),
        ("quarter_end", p.day),
        ("federal_short_term_rate", p.rate),
        ("large_corporate_rate", p.rate),
        *SOURCE,
    ),
    r.ShortTermQuarter,
    (),
    ("quarter_start", "quarter_end"),
    gapless=True,
)
FEE_LIMITS = Table(
    "mpf_limits.csv",
    (
        ("fiscal_year", p.needed),
        *DATED_FROM,
        ("mpf_rate", p.rate),
        ("mpf_minimum", _cents),
        ("mpf_maximum", _cents),
        ("informal_fee_311", _cents),
        ("mail_fee_496", _cents),
        ("manual_surcharge_500", _cents),
        *SOURCE,
        ("note", p.text),
    ),
    r.FeeLimits,
    (),
    PERIOD,
    gapless=True,
)
FEE_CLASSES = Table(
    "fee_classes.csv",
    (
        ("class_code", p.needed),
        ("name", p.needed),
        ("kind", p.needed),
        ("level", p.needed),
        ("basis", p.text),
        ("effect_of_ieepa_removal", p.text),
        *SOURCE,
    ),
    r.FeeClass,
    ("class_code",),
)
ENTRY_TYPES = Table(
    "entry_types.csv",
    (
        ("code", p.needed),
        ("meaning", p.needed),
        ("formality", p.one_of("formal", "informal", "other")),
        ("filed_in_ace_ae", p.yes),
        ("cape_status", p.one_of("accepted", "accepted_waits", "refused", "unknown")),
        *DATED,
        ("condition", p.text),
        ("rule_id", p.text),
        *SOURCE,
    ),
    r.EntryTypeRow,
    ("code",),
    PERIOD,
)
ELIGIBILITY = Table(
    "eligibility_rules.csv",
    (
        ("rule_id", p.needed),
        ("level", p.one_of("file", "entry")),
        ("stage", p.one_of("initial", "batch", "access", "claim", "mass", "after_acceptance", "execution")),
        (
            "outcome",
            p.one_of(
                "reject_file", "reject_entry", "warn", "accept", "accept_wait", "lock", "leave_automatic_path", "off"
            ),
        ),
        ("condition", p.needed),
        ("fields", p.words),
        *DATED_FROM,
        ("phase", p.words),
        ("message", p.text),
        ("message_ours", p.text),
        ("official_message_known", p.yes),
        *SOURCE,
        ("open_question", p.text),
    ),
    r.EligibilityRule,
    ("rule_id",),
    PERIOD,
)
HOLIDAYS = Table(
    "statutory_holidays.csv",
    (("date", p.day), ("name", p.needed), ("cbp_closed", p.yes), ("fed_closed", p.yes), *SOURCE),
    r.Holiday,
    ("date",),
)
CLOSURES = Table(
    "federal_closures.csv",
    (
        ("date", p.day),
        ("authority", p.needed),
        ("reason", p.needed),
        ("applies_to", p.needed),
        *SOURCE,
        ("note", p.text),
    ),
    r.Closure,
    ("date",),
)
POLICIES = Table(
    "schedule_policies.csv",
    (
        ("phase", p.needed),
        *DATED_FROM,
        ("days_unliquidated", p.whole),
        ("accept_window", p.whole),
        ("reliq_limit", p.whole),
        ("run_days", p.words),
        ("calendar", p.one_of("cbp")),
        *SOURCE,
    ),
    r.Policy,
    ("phase",),
    PERIOD,
)
STATUS_WORDS = Table(
    "status_words.csv",
    (
        ("column", p.one_of("liquidation_status", "protest_status", "summary_status", "control_status")),
        ("seen", p.needed),
        ("word", p.needed),
        *SOURCE,
    ),
    r.StatusWord,
    ("column", "seen"),
)
HOLD_CODES = Table(
    "hold_codes.csv",
    (("code", p.needed), ("kind", p.one_of("suspension", "extension")), ("meaning", p.needed), *SOURCE),
    r.HoldCode,
    ("code",),
)
REVIEW = Table(
    "review_rules.csv",
    (
        ("rule", p.needed),
        ("kind", p.one_of("flag", "amount", "sample")),
        ("flags", p.words),
        ("setting", p.needed),
        ("condition", p.needed),
        ("default_on", p.yes),
        *SOURCE,
    ),
    r.ReviewRule,
    ("rule",),
)
ENTRY_STATES = Table(
    "entry_states.csv",
    (
        ("code", p.whole),
        ("state", p.needed),
        ("meaning", p.needed),
        ("live", p.yes),
        ("moved_by", p.words),
        ("cbp_word", p.words),
        *SOURCE,
    ),
    r.EntryState,
    ("state",),
)
TRANSITIONS = Table(
    "state_transitions.csv",
    (("from_state", p.needed), ("to_state", p.needed), ("who", p.needed), ("guard", p.needed), *SOURCE),
    r.StateTransition,
    ("from_state", "to_state"),
)
EVENT_KINDS = Table(
    "event_kinds.csv",
    (
        ("kind", p.needed),
        ("from_states", p.words),
        ("to_state", p.text),
        ("holds", p.words),
        ("effect", p.one_of("release", "basis", "review")),
        ("limit", p.one_of("", "none", "year", "six_months", "four_years")),
        ("liquidation_date", p.one_of("none", "optional", "required")),
        ("words", p.needed),
        *SOURCE,
    ),
    r.EventKind,
    ("kind",),
)
ROUTES = Table(
    "failure_routes.csv",
    (
        ("rule_id", p.needed),
        ("route", p.needed),
        ("deadline", DEADLINE_WORD),
        ("remedy", p.needed),
        ("late_route", p.text),
        ("late_deadline", DEADLINE_WORD),
        ("late_remedy", p.text),
        *SOURCE,
    ),
    r.FailureRoute,
    ("rule_id",),
)
CAUSES = Table(
    "cause_codes.csv",
    (
        ("cause", p.needed),
        ("place", p.whole),
        ("meaning", p.needed),
        ("who_acts", p.one_of("nobody", "recipient", "filer", "controller")),
        ("next_step", p.needed),
        ("closes", p.yes),
        *SOURCE,
    ),
    r.CauseCode,
    ("cause",),
)
ES003 = Table(
    "es003_columns.csv",
    (
        ("source_column", p.needed),
        ("canonical", p.text),
        ("type", p.needed),
        ("format_quirks", p.text),
        ("aliases", p.words),
        ("layout", p.needed),
        ("in_default_es003", p.maybe_yes),
        ("need", p.one_of("required", "wanted", "optional", "alias", "ignore")),
        *SOURCE,
    ),
    r.ReportColumn,
    ("source_column",),
)
CLAIM_DETAILS = Table(
    "claim_details_columns.csv",
    (
        ("report", p.needed),
        ("source_column", p.text),
        ("canonical", p.text),
        ("type", p.text),
        ("format_quirks", p.text),
        ("confirmed", p.text),
        *SOURCE,
    ),
    r.OtherReportColumn,
    ("report", "source_column", "canonical"),
)
