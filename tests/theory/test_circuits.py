"""The search over circuits against all assignments."""

import itertools
import random

from mtls_tui.theory.circuits import Circuit, Search


def made(random_, circuit, atoms, depth):
    if depth == 0 or random_.random() < 0.2:
        return random_.choice([-1, 1]) * random_.choice(atoms)
    items = [made(random_, circuit, atoms, depth - 1) for _ in range(random_.randint(2, 4))]
    kind = random_.choice(["every", "some", "differ"])
    if kind == "differ":
        return circuit.differ(items[0], items[1])
    return circuit.every(items) if kind == "every" else circuit.some(items)


def truth(circuit, literal, assignment):
    variable = abs(literal)
    if variable == 1:
        value = True
    elif variable in circuit.gates:
        value = all(truth(circuit, item, assignment) for item in circuit.gates[variable])
    else:
        value = assignment[variable]
    return value if literal > 0 else not value


def test_the_search_finds_an_assignment_exactly_where_there_is_one():
    random_ = random.Random(1)
    found = 0
    for _ in range(1200):
        circuit = Circuit()
        atoms = [circuit.atom(random_.random() < 0.5) for _ in range(6)]
        roots = [made(random_, circuit, atoms, 4) for _ in range(random_.randint(1, 4))]
        pairs = [random_.sample(atoms, 2) for _ in range(random_.randint(0, 6))]
        excluded = [[random_.choice([-1, 1]) * atom for atom in pair] for pair in pairs]
        assignments = [dict(zip(atoms, bits, strict=True)) for bits in itertools.product([False, True], repeat=6)]
        good = [
            assignment
            for assignment in assignments
            if all(truth(circuit, root, assignment) for root in roots)
            and all(any(truth(circuit, item, assignment) for item in clause) for clause in excluded)
        ]

        def judge(used, excluded=excluded):
            return next((clause for clause in excluded if all(-item in used for item in clause)), None)

        used = Search(circuit, roots).run(judge)
        if used is None:
            assert not good
            continue
        found += 1
        assert judge(used) is None
        for assignment in assignments:  # whatever the atoms are that it left open
            if all(assignment[abs(item)] is (item > 0) for item in used):
                assert all(truth(circuit, root, assignment) for root in roots)
    assert 300 < found < 1100


def test_gates_that_say_the_same_are_one():
    circuit = Circuit()
    a, b, c = circuit.atom(), circuit.atom(), circuit.atom()
    assert circuit.every((a, b, c)) == circuit.every((c, a, b, a))
    assert circuit.some((a, -a)) == circuit.every(()) == 1
    assert -circuit.some((-a, -b)) == circuit.every((a, b))
