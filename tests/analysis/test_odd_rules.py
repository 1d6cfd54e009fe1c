"""Answers about made rules against odd concrete requests: no request refutes a proof, every witness is as it is said.

Seeded. `ODD_SETS=2000 pytest tests/analysis/test_odd_rules.py` makes more (`make fuzz` does).
"""

import os
import random

import pytest

from mtls_tui.analysis import Side, ask
from mtls_tui.analysis.context import NO_CERTIFICATE
from mtls_tui.analysis.question import CLIENTS
from mtls_tui.engine import Matcher, hostnames
from mtls_tui.engine.fields import EXTRACTORS, RequestView, compute
from mtls_tui.engine.fields_of import fields_of
from mtls_tui.engine.model import Rule
from tests.analysis.brute import HOSTS, LISTS, ONE, TEXT_FIELDS, Maker, requests, ruleset

SETS = int(os.environ.get("ODD_SETS", "40"))
SHARES = 4
REQUESTS = 150


def as_asked(sides, values, conditions):
    """Whether each side decides about these fields as it says, and the conditions are so."""
    for side in sides:
        seen = values if side.mtls else {**values, **NO_CERTIFICATE}
        if (side.ruleset.decide(seen).action == "allow") is not side.allowed:
            return False
    seen = values if sides[0].mtls else {**values, **NO_CERTIFICATE}
    return all(Matcher(expression, LISTS).function(seen) is truth for expression, truth in conditions)


def questions(random_, maker, old, new):
    """(sides, holds, unless)"""
    before, after = random_.random() < 0.9, random_.random() < 0.9
    yield [Side(old, True, before)], None, None
    yield [Side(old, False, before)], None, None
    yield [Side(old, False, before), Side(new, True, after)], None, None
    yield [Side(old, True, before), Side(new, False, after)], None, None
    holds, unless = maker.parsed(maker.expression()), maker.parsed(maker.clause())
    if holds and unless and before:
        yield [Side(old, random_.random() < 0.6, before)], holds, random_.choice([None, unless])


@pytest.mark.parametrize("share", range(SHARES))
def test_no_odd_request_refutes_a_proof_and_every_witness_replays(share):
    answers = set()
    for seed in range(share, SETS, SHARES):
        random_ = random.Random(seed)
        maker, hosts = Maker(random_), random_.choice(HOSTS)
        rules = maker.rules()
        try:
            old, new = ruleset(rules), ruleset(maker.changed(rules))
        except ValueError:
            continue
        asked = list(questions(random_, maker, old, new))
        stated = [node for _, *nodes in asked for node in nodes if node]
        read = old.fields_read.union(new.fields_read, *(fields_of(node.root) for node in stated))
        spoken = [*rules, *(Rule(f"s{place}", node) for place, node in enumerate(stated))]
        given = list(requests(random_, maker, spoken, hosts, read, REQUESTS))
        names = {name: name for name in hosts}
        for host in hosts:
            for client, state in CLIENTS.items():
                for sides, holds, unless in asked:
                    conditions = [(node, truth) for node, truth in ((holds, True), (unless, False)) if node]
                    answer = ask(
                        host, sides, client=client, others=hosts, holds=holds and holds.root,
                        unless=unless and unless.root,
                    )  # fmt: skip
                    answers.add(answer.status)
                    if answer.status == "witness":
                        view = RequestView(answer.http, answer.http.at)
                        values = {**compute(view, EXTRACTORS.items()), **answer.http.overrides, **state}
                        assert hostnames.most_specific(hostnames.normalise(answer.http.host), names) == host, seed
                        assert not view.ambiguous, (seed, answer.http)
                        assert as_asked(sides, values, conditions), (seed, host, client, answer.http)
                    elif answer.status == "proved":
                        for one in given:
                            if (one.host, one.client) == (host, client):
                                assert not as_asked(sides, one.values, conditions), (seed, host, client, one)
    assert {"witness", "proved"} <= answers


HEADER, ARGUMENT = 'http.request.headers["x"][0]', 'http.request.uri.args["a"][0]'
WRAPPED = ["http.cookie", "http.request.uri.query", HEADER, ARGUMENT, "cf.tls_version"]
ALONE = [*dict.fromkeys(TEXT_FIELDS), *WRAPPED, *(wrapper.format(value) for wrapper in ONE for value in WRAPPED)]


@pytest.mark.parametrize("share", range(SHARES))
def test_no_odd_request_slips_between_two_clauses_about_one_value(share):
    for seed in range(share, SETS * 3, SHARES):
        random_ = random.Random(seed)
        maker = Maker(random_)
        maker.texts, maker.numbers, maker.arrays = [ALONE[seed % len(ALONE)]], [], []
        maker.addresses, maker.bools = [], []
        for _ in range(4):
            pair = maker.comparison_of(maker.texts[0])
            other = random_.choice([pair[1], f"not ({pair[0]})"])
            parsed = [node for node in map(maker.parsed, (pair[0], other)) if node]
            rules = [Rule(f"r{place}", node) for place, node in enumerate(parsed)]
            found = ruleset(rules)
            for client, state in CLIENTS.items():
                answer = ask("api.w.ex", [Side(found)], client=client, others=["api.w.ex"])
                if answer.status == "witness":
                    values = {**compute(RequestView(answer.http), EXTRACTORS.items()), **answer.http.overrides, **state}
                    assert found.decide(values).action == "allow", (seed, client, answer.http)
                elif answer.status == "proved":
                    for one in requests(random_, maker, rules, ["api.w.ex"], found.fields_read, 60):
                        if one.client == client:
                            assert found.decide(one.values).action != "allow", (seed, client, pair, one)
