#!/usr/bin/env python3
"""Writes tests/conformance/cases/access/*.json: the register access right as a table of cases.

Knows nothing of the program: what a case expects is written out here, or is the union of what its parts expect. Standard
library only. Run it from anywhere; it replaces the files. See the README beside the files for their shape.
"""

import copy
import json
from itertools import combinations
from pathlib import Path

FOLDER = Path(__file__).parent / "cases" / "access"
ORGANISER, OTHER_ORGANISER = "1.2.246.10.99999991.10.0", "1.2.246.10.99999995.10.0"
UNIT, OTHER_UNIT, SUB_UNIT = "1.2.246.10.99999992.10.1", "1.2.246.10.99999993.10.1", "1.2.246.10.99999994.10.1"
NOW = "2026-06-10T09:00:00Z"


def row(unit=UNIT, start="2026-02-01", end=None, below=()):
    made = {"palveluyksikon_nimi": {"system": "urn:oid:1.2.246.537.6.202", "code": unit}, "asiakkuuden_alkamispvm": start}
    if end:
        made["asiakkuuden_paattymispvm"] = end
    if below:
        made["palveluntoteuttaja"] = list(below)
    return made


def document(*tasks, version=1, invalidated=False, ended=None, organiser=ORGANISER, fetched_at=NOW):
    """A version of the relationship document; a task is (code, rows)."""
    relationship = {"asiakkuuden_alkamispvm": "2026-01-01"}
    if ended:
        relationship["asiakkuuden_paattymispvm"] = ended
    content = {
        "sosiaalihuollon_asiakkuus": relationship,
        "sosiaalihuollon_palvelutehtava": [
            {"palvelutehtava": {"system": "urn:oid:1.2.246.537.6.1221", "code": code}, "palveluntuottaja": list(rows)}
            for code, rows in tasks
        ],
    }
    return {
        "version": version,
        "invalidated": invalidated,
        "organiser": organiser,
        "fetched_at": fetched_at,
        "content": {"asiakkuusasiakirja": content},
    }


def base():
    """A write that is permitted, every fact of it stated."""
    return {
        "now": NOW,
        "request": {
            "operation": "write",
            "drawn_up": "2026-06-10",
            "organiser": ORGANISER,
            "unit": UNIT,
            "service_task": "24",
            "service_process": "5",
            "role": "1",
            "link": {"start": "2026-01-01", "end": None},
            "purchase": "service_voucher",
            "case": "known",
        },
        "clients": [[document(("24", [row()]))]],
        "parties": {
            "organiser": {"joined": True, "phase": "phase_2", "change": None},
            "producer": {"joined": True, "phase": "phase_2", "change": None},
            "agreement": {"from": "2026-01-01", "to": None},
        },
        "options": {},
        "roles": None,
    }


def permitted(*remarks, row="/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/0", ends_on=None):
    return {"permitted": True, "remarks": list(remarks), "row": row, "ends_on": ends_on}


MAY_PASS = {
    "no_relationship", "unit_not_named", "not_started", "unknown_case", "evidence_too_old", "phase_mismatch", "not_joined",
}


def may_pass(reason):
    gap = reason.get("gap")
    return reason["reason"] in MAY_PASS or (isinstance(gap, dict) and "begins" in gap)


def passes_on(reason):
    gap = reason.get("gap")
    if isinstance(gap, dict):
        return gap.get("begins", {}).get("from")
    return reason.get("from") if may_pass(reason) else None


def denied(*reasons_of_clients):
    """Of each client a list of reasons; empty where the client permits."""
    told = [{"client": i + 1, "reasons": rs} for i, rs in enumerate(reasons_of_clients) if rs]
    every = [r for client in told for r in client["reasons"]]
    days = [passes_on(r) for r in every]
    return {
        "permitted": False,
        "denied": told,
        "may_pass": all(map(may_pass, every)),
        "passes_on": max(days) if all(days) else None,
    }


def case(name, tells, expected, **changes):
    made = base()
    for path, value in changes.items():
        *way, last = path.split("__")
        place = made
        for step in way:
            place = place[step]
        place[last] = value
    return {"name": name, "tells": tells, **made, "expected": expected}


# Each reason alone: a change to the case, and the reason that the changed case must give.

def task_of(c):
    return c["clients"][0][0]["content"]["asiakkuusasiakirja"]["sosiaalihuollon_palvelutehtava"][0]


def row_of(c):
    return task_of(c)["palveluntuottaja"][0]


def no_relationship(c):
    c["clients"][0] = []


def unit_not_named(c):
    row_of(c)["palveluyksikon_nimi"]["code"] = OTHER_UNIT


def not_started(c):
    row_of(c)["asiakkuuden_alkamispvm"] = "2026-07-01"


def drawn_up_before_start(c):
    c["options"]["drawn_up_before_start"] = False
    c["request"]["drawn_up"] = "2026-06-05"
    if row_of(c)["asiakkuuden_alkamispvm"] < "2026-06-08":
        row_of(c)["asiakkuuden_alkamispvm"] = "2026-06-08"


def ended(c):
    row_of(c)["asiakkuuden_paattymispvm"] = "2026-05-31"


def task_mismatch(c):
    task_of(c)["palvelutehtava"]["code"] = "10"


def role_not_allowed(c):
    every = {"service_tasks": "every", "service_processes": "every"}
    c["roles"] = [{"roles": ["9"], **every, "permits": ["read", "write"]}, {"roles": "every", **every, "permits": ["read"]}]


def register_owner_mismatch(c):
    c["clients"][0][0]["organiser"] = OTHER_ORGANISER


def unknown_case(c):
    c["request"]["case"] = "unknown"


def phase_mismatch(c):
    c["parties"]["organiser"]["phase"] = "phase_1"


def not_joined(c):
    c["parties"]["producer"]["joined"] = False


def no_agreement(c):
    c["parties"]["agreement"] = "none"


def not_stated(c):
    c["options"]["unstated"] = "deny"
    c["parties"]["organiser"]["joined"] = None


def no_professional_link(c):
    c["request"]["link"] = None


def self_pay(c):
    c["request"]["purchase"] = "self_pay"


def evidence_too_old(c):
    c["clients"][0][0]["fetched_at"] = "2026-06-10T08:44:59Z"


REASONS = [
    (no_relationship, lambda c: {}),
    (unit_not_named, lambda c: {}),
    (not_started, lambda c: {"from": row_of(c)["asiakkuuden_alkamispvm"]}),
    (drawn_up_before_start, lambda c: {"from": row_of(c)["asiakkuuden_alkamispvm"]}),
    (ended, lambda c: {"since": row_of(c)["asiakkuuden_paattymispvm"]}),
    (task_mismatch, lambda c: {"asked": "24", "granted": "10"}),
    (role_not_allowed, lambda c: {"role": "1", "service_task": "24", "service_process": "5", "act": "write"}),
    (register_owner_mismatch, lambda c: {"found": OTHER_ORGANISER}),
    (unknown_case, lambda c: {}),
    (phase_mismatch, lambda c: {"organiser": "phase_1", "producer": "phase_2", "from": None}),
    (not_joined, lambda c: {"party": "producer", "from": None}),
    (no_agreement, lambda c: {"gap": "none"}),
    (not_stated, lambda c: {"facts": ["organiser_joined"]}),
    (no_professional_link, lambda c: {}),
    (self_pay, lambda c: {}),
    (evidence_too_old, lambda c: {}),
]

# Pairs that cannot be: without a document it says nothing; without a row of the unit a row says nothing.
OF_DOCUMENT = {"unit_not_named", "not_started", "drawn_up_before_start", "ended", "task_mismatch", "register_owner_mismatch", "evidence_too_old"}
OF_ROW = {"not_started", "drawn_up_before_start", "ended", "task_mismatch"}


def impossible(one, other):
    pair = {one, other}
    if "no_relationship" in pair and pair & OF_DOCUMENT:
        return "without a relationship document nothing of it can be wrong"
    if "unit_not_named" in pair and pair & OF_ROW:
        return "without a row of the unit nothing of it can be wrong"
    return None


def with_reasons(name, tells, reasons):
    """The base case with these changes made, in order; expects every one of their reasons."""
    made = base()
    for change, _ in reasons:
        change(made)
    expected = [{"reason": change.__name__, **facts(made)} for change, facts in reasons]
    return {"name": name, "tells": tells, **made, "expected": denied(expected)}


def reasons():
    cases = [case("permitted", "every fact stated and nothing against it", permitted())]
    for reason in REASONS:
        name = reason[0].__name__
        cases.append(with_reasons(name, f"{name} alone", [reason]))
    every = [r for r in REASONS if r[0].__name__ not in {"no_relationship", "unit_not_named"}]
    cases.append(with_reasons("everything", "all reasons that can stand together", every))
    return cases


def pairs():
    cases, impossible_pairs = [], []
    for one, other in combinations(REASONS, 2):
        names = (one[0].__name__, other[0].__name__)
        why = impossible(*names)
        if why:
            impossible_pairs.append({"pair": list(names), "why": why})
        else:
            cases.append(with_reasons(f"{names[0]} and {names[1]}", "both at once", [one, other]))
    return cases, impossible_pairs


# The phase matrix, row by row: organiser, then producers in this order. y fits, n does not, ? depends on what is not stated.
PHASES = ["not_stated", "phase_1", "phase_1_partial", "phase_2", "phase_2_without"]
MATRIX = {
    "not_stated": "?n??n",
    "phase_1": "nnnnn",
    "phase_1_partial": "nnnnn",
    "phase_2": "?nyyn",
    "phase_2_without": "nnnnn",
}
# The same where the operator says that two parties in phase 1 can use the right.
MATRIX_BOTH_1 = {**MATRIX, "phase_1": "?nynn", "phase_1_partial": "?nynn"}


def phases():
    cases = []
    for both, matrix in ((False, MATRIX), (True, MATRIX_BOTH_1)):
        for unstated in ("permit", "deny"):
            for organiser in PHASES:
                for producer, fit in zip(PHASES, matrix[organiser]):
                    mismatch = {"reason": "phase_mismatch", "organiser": organiser, "producer": producer, "from": None}
                    missing = {"reason": "not_stated", "facts": ["phases"]}
                    if fit == "n":
                        expected = denied([mismatch])
                    elif fit == "?" and unstated == "deny":
                        expected = denied([missing])
                    else:
                        expected = permitted()
                    cases.append(case(
                        f"organiser {organiser}, producer {producer}, both_phase_1 {both}, unstated {unstated}",
                        "one cell of the phase matrix",
                        expected,
                        parties__organiser__phase=organiser,
                        parties__producer__phase=producer,
                        options={"both_phase_1": both, "unstated": unstated},
                    ))
    return cases


def change(on, to):
    return {"on": on, "to": to}


def parties():
    def mismatch(organiser, producer, since):
        return {"reason": "phase_mismatch", "organiser": organiser, "producer": producer, "from": since}

    def party(joined=True, phase="phase_2", changed=None):
        return {"joined": joined, "phase": phase, "change": changed}

    def agreed(name, tells, expected, agreement, **more):
        return case(name, tells, expected, parties__agreement=agreement, **more)

    joins = {"reason": "not_joined", "party": "organiser", "from": "2026-06-11"}
    begins = {"reason": "no_agreement", "gap": {"begins": {"from": "2026-06-11"}}}
    over = {"reason": "no_agreement", "gap": {"ended": {"since": "2026-06-09"}}}
    unstated = {"joined": None, "phase": "not_stated", "change": None}
    return [
        case("joins tomorrow", "joining counts from its day on", denied([joins]), parties__organiser=party("2026-06-11")),
        case("joined today", "joining counts from its day on", permitted(), parties__organiser=party("2026-06-10")),
        case("neither has joined", "each party is named", denied([
            {"reason": "not_joined", "party": "organiser", "from": None},
            {"reason": "not_joined", "party": "producer", "from": "2026-09-01"},
        ]), parties__organiser=party(False), parties__producer=party("2026-09-01")),
        case("phase 2 comes", "a known change of phase is the day it passes",
             denied([mismatch("phase_1", "phase_2", "2026-07-01")]),
             parties__organiser=party(phase="phase_1", changed=change("2026-07-01", "phase_2"))),
        case("phase 2 has come", "a change counts from its day on", permitted(),
             parties__organiser=party(phase="phase_1", changed=change("2026-06-10", "phase_2"))),
        case("both change", "the day on which both are there",
             denied([mismatch("phase_1", "phase_1", "2026-08-01")]),
             parties__organiser=party(phase="phase_1", changed=change("2026-07-01", "phase_2")),
             parties__producer=party(phase="phase_1", changed=change("2026-08-01", "phase_1_partial"))),
        case("a change that does not help", "no day is promised that would not do",
             denied([mismatch("phase_1", "phase_2", None)]),
             parties__producer=party(changed=change("2026-07-01", "phase_1_partial")),
             parties__organiser=party(phase="phase_1")),
        agreed("agreement begins tomorrow", "an agreement must have begun", denied([begins]), {"from": "2026-06-11", "to": None}),
        agreed("agreement begins today", "an agreement must have begun", permitted(), {"from": "2026-06-10", "to": None}),
        agreed("agreement ended the day before", "drawn up after the agreement", denied([over]), {"from": None, "to": "2026-06-09"}),
        agreed("agreement ends today", "its last day is in it", permitted(), {"from": None, "to": "2026-06-10"}),
        agreed("agreement ended, drawn up within it", "as a right, judged by the day it was drawn up", permitted(),
               {"from": None, "to": "2026-06-09"}, request__drawn_up="2026-06-09"),
        agreed("agreement ended, judged by sending", "the option moves the day", denied([over]),
               {"from": None, "to": "2026-06-09"}, request__drawn_up="2026-06-09", options={"write_time": "sent"}),
        case("nothing stated", "by default what nobody has stated is no reason", permitted(),
             parties={"organiser": unstated, "producer": unstated, "agreement": None}),
        case("nothing stated, denied", "the option makes it one, and names all of it", denied([
            {"reason": "not_stated", "facts": ["organiser_joined", "producer_joined", "phases", "agreement"]},
        ]), parties={"organiser": unstated, "producer": unstated, "agreement": None}, options={"unstated": "deny"}),
        case("all stated, denied", "the option is content when all is stated", permitted(), options={"unstated": "deny"}),
    ]


def with_rows(name, tells, expected, *tasks, ended=None, **more):
    return case(name, tells, expected, clients=[[document(*tasks, ended=ended)]], **more)


READ = {"request__operation": "read", "request__drawn_up": None, "request__purchase": None}


def days():
    def of(name, tells, expected, start="2026-02-01", end=None, **more):
        return with_rows(name, tells, expected, ("24", [row(start=start, end=end)]), **more)

    ended = lambda since: denied([{"reason": "ended", "since": since}])
    starts = lambda since: denied([{"reason": "not_started", "from": since}])
    early = lambda since: denied([{"reason": "drawn_up_before_start", "from": since}])
    end = "2026-06-10"
    late = {"now": "2026-08-01T09:00:00Z", "clients": None}

    def at(now, name, tells, expected, start="2026-02-01", end=None, **more):
        doc = document(("24", [row(start=start, end=end)]), fetched_at=now)
        return case(name, tells, expected, now=now, clients=[[doc]], **more)

    return [
        of("write on the end day", "the end day is in", permitted(ends_on=end), end=end),
        of("write on the end day, exclusive", "the option takes it out", ended(end), end=end, options={"end_day_inclusive": False}),
        of("write the day before the end, exclusive", "the day before is in", permitted(ends_on="2026-06-10"), end="2026-06-11",
           options={"end_day_inclusive": False}),
        of("write the day after the end", "then it is over", ended("2026-06-09"), end="2026-06-09"),
        of("read on the end day", "the end day is in", permitted(ends_on=end), end=end, **READ),
        of("read the day after the end", "then it is over", ended("2026-06-09"), end="2026-06-09", **READ),
        of("read ten days after the end, ten allowed", "the option lets reads outlive the right",
           permitted("read_after_end", ends_on="2026-05-31"), end="2026-05-31", options={"reads_after_end_days": 10}, **READ),
        of("read ten days after the end, nine allowed", "and no longer", ended("2026-05-31"), end="2026-05-31",
           options={"reads_after_end_days": 9}, **READ),
        of("write ten days after the end, ten reads allowed", "which is nothing to writes", ended("2026-05-31"), end="2026-05-31",
           options={"reads_after_end_days": 10}),
        of("sent after the end", "judged by the day it was drawn up, and remarked", permitted("sent_after_end", ends_on="2026-06-05"),
           end="2026-06-05", request__drawn_up="2026-06-05"),
        of("sent after the end, judged by sending", "the option moves the day", ended("2026-06-05"), end="2026-06-05",
           request__drawn_up="2026-06-05", options={"write_time": "sent"}),
        of("drawn up before the start", "stored once the right has begun, and remarked", permitted("drawn_up_before_start"),
           start="2026-06-08", request__drawn_up="2026-06-05"),
        of("drawn up before the start, not allowed", "the option refuses it for good", early("2026-06-08"), start="2026-06-08",
           request__drawn_up="2026-06-05", options={"drawn_up_before_start": False}),
        of("drawn up on the first day, before not allowed", "the first day is in", permitted(), start="2026-06-05",
           request__drawn_up="2026-06-05", options={"drawn_up_before_start": False}),
        of("the right begins today", "the first day is in", permitted(), start="2026-06-10"),
        of("the right begins tomorrow", "held until then", starts("2026-06-11"), start="2026-06-11"),
        at("2026-06-10T20:59:59Z", "a second before midnight in summer", "the day is Finland's", starts("2026-06-11"), start="2026-06-11"),
        at("2026-06-10T21:00:00Z", "midnight in summer", "UTC+3 then", permitted("drawn_up_before_start"), start="2026-06-11"),
        at("2026-01-14T21:59:59Z", "a second before midnight in winter", "UTC+2 then", starts("2026-01-15"), start="2026-01-15",
           request__drawn_up="2026-01-14"),
        at("2026-01-14T22:00:00Z", "midnight in winter", "UTC+2 then", permitted("drawn_up_before_start"), start="2026-01-15",
           request__drawn_up="2026-01-14"),
        at("2026-03-28T22:00:00Z", "midnight before the clocks go forward", "still UTC+2", permitted(), start="2026-03-29",
           request__drawn_up="2026-03-29"),
        at("2026-03-29T20:59:59Z", "the last second of the day of 23 hours", "UTC+3 by then", permitted(ends_on="2026-03-29"),
           end="2026-03-29", **READ),
        at("2026-03-29T21:00:00Z", "midnight after the clocks went forward", "the next day", ended("2026-03-29"), end="2026-03-29", **READ),
        at("2026-10-24T21:00:00Z", "midnight before the clocks go back", "still UTC+3", permitted(), start="2026-10-25",
           request__drawn_up="2026-10-25"),
        at("2026-10-25T21:30:00Z", "the last hour of the day of 25 hours", "UTC+2 by then", permitted(ends_on="2026-10-25"),
           end="2026-10-25", **READ),
        at("2026-10-25T22:00:00Z", "midnight after the clocks went back", "the next day", ended("2026-10-25"), end="2026-10-25", **READ),
        of("start known to the month", "the last day that it can mean", starts("2026-06-30"), start="2026-06"),
        of("start known to the month, generous", "the first day that it can mean", permitted(), start="2026-06",
           options={"partial_days": "generous"}),
        of("start known to the year before", "the whole year has passed", permitted(), start="2025"),
        of("start known to this year", "its last day", starts("2026-12-31"), start="2026"),
        of("end known to this month", "the first day that it can mean", ended("2026-06-01"), end="2026-06"),
        of("end known to this month, generous", "the last day that it can mean", permitted(ends_on="2026-06-30"), end="2026-06",
           options={"partial_days": "generous"}),
        of("start and end in one month", "carefully there is no day at all", denied([
            {"reason": "not_started", "from": "2026-06-30"}, {"reason": "ended", "since": "2026-06-01"}]), start="2026-06", end="2026-06"),
        of("link covers the day it was drawn up", "a tie that has ended since does not matter", permitted(),
           request__drawn_up="2026-06-09", request__link={"start": "2026-06-09", "end": "2026-06-09"}),
        of("link ended the day before", "the tie must cover the day", denied([{"reason": "no_professional_link"}]),
           request__link={"start": "2026-01-01", "end": "2026-06-09"}),
        of("link begins the day after", "the tie must cover the day", denied([{"reason": "no_professional_link"}]),
           request__link={"start": "2026-06-11", "end": None}),
        at("2026-06-10T09:15:00Z", "evidence of exactly its greatest age", "is still taken", permitted(),
           request__drawn_up="2026-06-10") | {"clients": [[document(("24", [row()]))]]},
        at("2026-06-10T09:15:01Z", "evidence a second older", "is not", denied([{"reason": "evidence_too_old"}])) | {
            "clients": [[document(("24", [row()]))]]},
    ]


def rows():
    unit = denied([{"reason": "unit_not_named"}])
    second = "/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/1"
    ended = lambda since: denied([{"reason": "ended", "since": since}])
    starts = lambda since: denied([{"reason": "not_started", "from": since}])
    sub = "/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/0/palveluntoteuttaja/0"

    def below(name, tells, expected, producer, child, **more):
        rows = [row(OTHER_UNIT, *producer, below=[row(SUB_UNIT, *child)])]
        return with_rows(name, tells, expected, ("24", rows), request__unit=SUB_UNIT, **more)

    def versions(name, tells, expected, *documents):
        return case(name, tells, expected, clients=[list(documents)])

    names = ("24", [row()])
    names_not = ("24", [row(OTHER_UNIT)])
    stray = document(("24", []))
    stray["content"]["asiakkuusasiakirja"]["sosiaalihuollon_palvelutehtava"][0]["palveluntoteuttaja"] = [row()]
    broken = document(("24", [row(start="1.6.2026")]))
    broken_end = document(("24", [row(end="kesällä")]))
    broken_parent = document(("24", [row(OTHER_UNIT, start="?", below=[row()])]))
    broken_whole = document(names, ended="?")
    return [
        with_rows("ended row and open row", "ended rows stay; the open one permits", permitted(row=second),
                  ("24", [row(end="2026-03-31"), row(start="2026-05-01")])),
        with_rows("in the gap", "the row that comes is told", starts("2026-07-01"),
                  ("24", [row(end="2026-03-31"), row(start="2026-07-01")])),
        with_rows("two rows that come", "the first of them", starts("2026-07-01"),
                  ("24", [row(start="2026-08-01"), row(start="2026-07-01")])),
        with_rows("two rows that ended", "the last of them", ended("2026-05-31"),
                  ("24", [row(end="2026-05-31"), row(end="2026-03-31")])),
        with_rows("overlapping rows", "the first that permits is named; the end is the last one's", permitted(ends_on="2026-09-30"),
                  ("24", [row(end="2026-07-31"), row(start="2026-06-01", end="2026-09-30")])),
        with_rows("rows without a gap", "the end is where the next one ends", permitted(ends_on="2026-09-30"),
                  ("24", [row(end="2026-07-31"), row(start="2026-08-01", end="2026-09-30")])),
        with_rows("rows with a day between", "the end is the first one's", permitted(ends_on="2026-07-31"),
                  ("24", [row(end="2026-07-31"), row(start="2026-08-02", end="2026-09-30")])),
        with_rows("rows without a gap, then open", "then there is no end", permitted(),
                  ("24", [row(end="2026-07-31"), row(start="2026-08-01")])),
        with_rows("a row without a remark is preferred", "drawn up in both, sent after one", permitted(row=second),
                  ("24", [row(end="2026-06-09"), row()]), request__drawn_up="2026-06-08"),
        with_rows("the row that held is preferred", "drawn up in the ended one, before the open one began", permitted("sent_after_end", row=second),
                  ("24", [row(start="2026-06-09"), row(end="2026-06-08")]), request__drawn_up="2026-06-08"),
        with_rows("right task ended, other task open", "the row of the task is told", ended("2026-03-31"),
                  ("24", [row(end="2026-03-31")]), ("10", [row()])),
        with_rows("other task open and other task ended", "the nearer of the wrong ones is told",
                  denied([{"reason": "task_mismatch", "asked": "24", "granted": "15"}]),
                  ("10", [row(end="2026-03-31")]), ("15", [row()])),
        with_rows("other task, whole register", "the option opens the register", permitted(), ("10", [row()]),
                  options={"reach": "register"}),
        with_rows("a read that names no task", "any row of the unit permits", permitted(), ("10", [row()]),
                  request__service_task=None, **READ),
        with_rows("a write that names no task", "any row of the unit permits", permitted(), ("10", [row()]), request__service_task=None),
        with_rows("another unit alone", "is no row of ours", unit, ("24", [row(OTHER_UNIT)])),
        with_rows("no task at all", "is no row of ours", unit),
        with_rows("the whole relationship has ended", "rows end with it", ended("2026-05-31"), names, ended="2026-05-31"),
        with_rows("the whole relationship has ended, not counted", "the option leaves rows alone", permitted(), names, ended="2026-05-31",
                  options={"relationship_end_counts": False}),
        with_rows("the row ends before the relationship", "the earlier end counts", ended("2026-05-31"), ("24", [row(end="2026-05-31")]),
                  ended="2026-12-31"),
        with_rows("the relationship ends before the row", "the earlier end counts", permitted(ends_on="2026-08-31"),
                  ("24", [row(end="2026-12-31")]), ended="2026-08-31"),
        below("subcontractor within its producer's days", "its own row is the ground", permitted(row=sub), ("2026-01-01",), ("2026-02-01",)),
        below("subcontractor whose producer has ended", "not longer than its producer", ended("2026-05-31"),
              ("2026-01-01", "2026-05-31"), ("2026-02-01",)),
        below("subcontractor whose producer has not begun", "not before its producer", starts("2026-07-01"),
              ("2026-07-01",), ("2026-02-01",)),
        below("subcontractor by its own days", "the option lets go of the producer's", permitted(row=sub),
              ("2026-01-01", "2026-05-31"), ("2026-02-01",), options={"subcontractor_within_producer": False}),
        below("subcontractor that ended before its producer", "its own end counts", ended("2026-04-30"),
              ("2026-01-01",), ("2026-02-01", "2026-04-30")),
        with_rows("the producer is not its subcontractor", "a subcontractor's days are nothing to the producer", ended("2026-05-31"),
                  ("24", [row(end="2026-05-31", below=[row(SUB_UNIT)])])),
        case("subcontractor beside its producer", "only below a producer does it count", unit, clients=[[stray]]),
        case("subcontractor below a row that cannot be read", "only below a producer does it count", unit, clients=[[broken_parent]]),
        case("start that is no date", "a row that cannot be read grants nothing", unit, clients=[[broken]]),
        case("end that is no date", "it may have passed: grants nothing", unit, clients=[[broken_end]]),
        case("end of the relationship that is no date", "it may have passed: grants nothing", unit, clients=[[broken_whole]]),
        versions("the newest version grants", "the newest counts", permitted(), document(names_not), document(names, version=2)),
        versions("the newest version no longer grants", "the newest counts", unit, document(names), document(names_not, version=2)),
        versions("the newest is invalidated", "the newest that is not", permitted(), document(names),
                 document(names_not, version=2, invalidated=True)),
        versions("all are invalidated", "then there is none", denied([{"reason": "no_relationship"}]),
                 document(names, invalidated=True), document(names, version=2, invalidated=True)),
        versions("order does not matter", "version numbers do", permitted(), document(names, version=3), document(names_not, version=2)),
    ]


def roles():
    def rule(permits, roles="every", tasks="every", processes="every"):
        return {"roles": roles, "service_tasks": tasks, "service_processes": processes, "permits": permits}

    def not_allowed(**facts):
        told = {"role": "1", "service_task": "24", "service_process": "5", "act": "write", **facts}
        return denied([{"reason": "role_not_allowed", **told}])

    exact = [rule(["write"], ["1"], ["24"], ["5"])]
    read_exact = [rule(["read"], ["1"], ["24"])]
    task_10 = [rule(["read"], ["1"], ["10"])]
    none = {"request__role": None}
    return [
        case("exactly this role, task and process", "a line that names all three", permitted(), roles=exact),
        case("another role", "no line for it", not_allowed(role="2"), roles=exact, request__role="2"),
        case("no role", "lines that name roles do not meet it", not_allowed(role=None), roles=exact, **none),
        case("no role, every role", "a line for every one does", permitted(), roles=[rule(["write"], "every", ["24"], ["5"])], **none),
        case("another task", "no line for it", not_allowed(service_task="10"), roles=exact, request__service_task="10",
             clients=[[document(("10", [row()]))]]),
        case("another process", "no line for it", not_allowed(service_process="3"), roles=exact, request__service_process="3"),
        case("no process", "lines that name processes do not meet it", not_allowed(service_process=None), roles=exact,
             request__service_process=None),
        case("read only", "what a line permits, and nothing else", not_allowed(), roles=[rule(["read"])]),
        case("read by a line for writing", "and the other way round", not_allowed(act="read"), roles=[rule(["write"])], **READ),
        case("read by its line", "what a line permits", permitted(), roles=read_exact, **READ),
        case("several lines", "one that permits is enough", permitted(), roles=[rule(["read"]), *exact]),
        case("no lines", "nothing is permitted", not_allowed(), roles=[]),
        case("search without a task", "the role may read the task of the row", permitted(), roles=read_exact, **READ,
             request__service_task=None),
        case("search without a task, role for another", "the role may not read any task of the rows",
             not_allowed(act="read", service_task=None), roles=task_10, **READ, request__service_task=None),
        case("search without a task, no line for the role", "nor anything at all", not_allowed(act="read", service_task=None, role="2"),
             roles=read_exact, **READ, request__service_task=None, request__role="2"),
        case("search without a task, whole register", "the role may read some task", permitted(), roles=task_10, **READ,
             request__service_task=None, options={"reach": "register"}),
        case("no document, role not allowed", "both are told", denied([
            {"reason": "no_relationship"},
            {"reason": "role_not_allowed", "role": "2", "service_task": "24", "service_process": "5", "act": "write"},
        ]), roles=exact, request__role="2", clients=[[]]),
    ]


def joint():
    names = [document(("24", [row()]))]
    comes = [document(("24", [row(start="2026-07-01")]))]
    comes_later = [document(("24", [row(start="2026-08-01")]))]
    over = [document(("24", [row(end="2026-05-31")]))]
    ends = [document(("24", [row(end="2026-09-30")]))]
    starts = lambda since: [{"reason": "not_started", "from": since}]
    return [
        case("both permit", "every client must", permitted(), clients=[names, names]),
        case("the end of the first to end", "a joint right ends with the first of them", permitted(ends_on="2026-09-30"), clients=[names, ends]),
        case("the second has no document", "the one who does not permit is named", denied([], [{"reason": "no_relationship"}]),
             clients=[names, []]),
        case("the first and the last do not permit", "the rest are named, each with its reasons",
             denied([{"reason": "ended", "since": "2026-05-31"}], [], starts("2026-07-01")), clients=[over, names, comes]),
        case("all come to pass", "the day on which the last one does", denied(starts("2026-07-01"), starts("2026-08-01")),
             clients=[comes, comes_later]),
        case("one comes, one is not named", "then no day is known", denied(starts("2026-07-01"), [{"reason": "no_relationship"}]),
             clients=[comes, []]),
        case("a reason of the request", "stands against each client", denied([{"reason": "self_pay"}], [{"reason": "self_pay"}]),
             clients=[names, names], request__purchase="self_pay"),
    ]


def purchases():
    cases = [
        case(f"{operation} {kind}", "bought services go to the organiser's register", permitted(), **changes,
             **({"request__purchase": kind} if operation == "write" else {}))
        for kind in ("purchased_service", "service_voucher", "payment_commitment", "own_service")
        for operation, changes in (("write", {}),)
    ]
    cases.append(case("read self_pay", "the client pays: the producer's own register", denied([{"reason": "self_pay"}]),
                      **{**READ, "request__purchase": "self_pay"}))
    cases += [case(f"case {standing}", "a case that nobody has looked for is no reason", permitted(), request__case=standing)
              for standing in ("not_asked", "known")]
    return cases


def write(name, value):
    FOLDER.mkdir(parents=True, exist_ok=True)
    cases = copy.deepcopy(value)
    lines = ",\n".join("  " + json.dumps(c, ensure_ascii=False) for c in cases)
    (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    paired, impossible_pairs = pairs()
    write("reasons", reasons())
    write("pairs", paired)
    write("impossible-pairs", impossible_pairs)
    for made in (phases, parties, days, rows, roles, joint, purchases):
        write(made.__name__, made())
