"""How many questions stay open: proofs, comparisons and their brute force over made rule sets, counted.

`python tests/proof_figures.py 2000` prints a table; a wrong proof, or a request that does not come out as told, is an
error. `tests/analysis/test_exhaustive.py` holds the same for a few sets in every run.
"""

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mtls_tui.analysis import Site, compare, unprotected
from mtls_tui.analysis.reach import CLIENTS
from tests.analysis import test_exhaustive as made

OPAQUE = (
    "lookup_json", "base64", "uuidv4", "sha256", "_replace", "remove_query", "split", "hmac", "jwt", "mime",
    "(ip.src, cf",
)  # fmt: skip
"""What proofs know nothing of but its type."""


def main(sets: int, first: int = 1_000_000, described: int = 0) -> None:
    """Count the answers about some sets; `first` is the seed of the first; `described`: without opaque functions."""
    choice = [s for s in made.SUBJECTS if not described or not any(word in s[0] for word in OPAQUE)]
    counts: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    for seed in range(first, first + sets):
        random_ = random.Random(seed)
        subjects = random_.sample(choice, random_.choice([1, 1, 2, 3]))
        if random_.random() < 0.3:
            subjects.append(("cf.tls_client_auth.cert_verified", made.YES))
        before, after = made.site(random_, subjects), made.site(random_, subjects)
        if random_.random() < 0.5:
            after = Site(before.ruleset, after.hosts)
        made.check_reach(seed, before)
        made.check_compare(seed, before, after)
        for host, settings in before.hosts.items():
            for client in CLIENTS:
                found = unprotected(host, before.ruleset, client=client, others=before.hosts, mtls=settings.mtls)
                count("prove", found, exists_reach(before, host, client), counts, reasons, seed)
        names = {*before.hosts, *after.hosts}
        for difference in compare(before, after):
            count("compare", difference, exists_change(before, after, difference, names), counts, reasons, seed)
    for key, number in sorted(counts.items()):
        print(*key, number)
    for kind in ("prove", "compare"):
        known = sum(
            number for (which, answer), number in counts.items() if which == kind and "request exists" in answer
        )
        still = counts[kind, "open, a request exists"]
        print(f"{kind}: {still} of {known} open where a request exists: {100 * still / max(1, known):.2f} %")
    for reason, number in reasons.most_common():
        print(number, reason)


def count(kind, found, exists, counts, reasons, seed):
    """One answer."""
    if found.status in ("not found", "not compared"):
        counts[kind, "open, a request exists" if exists else "open, none in the domain"] += 1
        reasons[found.reason.partition("not a proof: ")[2]] += 1
        if exists:
            print(seed, kind, found.reason)
    elif found.http is not None:
        counts[kind, "a request exists and is shown" if exists else "shown, outside the domain"] += 1
    else:
        counts[kind, "proved"] += 1


def exists_reach(site, host, client):
    """Whether a request of the domain gets through."""
    state = made.STATE_OF[client]
    return any(
        made.allowed(site, name, fields, state) for name, fields in made.DOMAIN if made.belongs(name, host, site.hosts)
    )


def exists_change(before, after, found, names):
    """Whether a request of the domain changes so."""
    wanted = (False, True) if found.change == "newly let in" else (True, False)
    return any(
        tuple(made.allowed(one, name, fields, state) for one in (before, after)) == wanted
        for name, fields in made.DOMAIN
        if made.belongs(name, found.host, names)
        for state in made.STATES.values()
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
