"""No test asserts only about the members of what may be empty: over nothing, every such assertion holds.

Code that is renamed, a folder that moves or a pattern that no longer matches leaves such a test green and hollow. So
what is computed where it is gone through is handed to :func:`tests.support.some.some`, or the test asserts something
beside. What stands there is no matter: a literal, a table of the module or of the package, what hypothesis draws.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.some import some

TESTS = Path(__file__).parent
Test = ast.FunctionDef | ast.AsyncFunctionDef
LOOPS = (ast.For, ast.AsyncFor)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
AS_MANY = {"range", "enumerate", "zip", "sorted", "reversed", "items", "keys", "values", "permutations", "product"}
"""Calls that give something for something: what they are given decides."""


def of_a_file(tree: ast.Module) -> Iterator[Test]:
    """The tests of a file that go through examples of their own, and not through what hypothesis draws."""
    for node in ast.walk(tree):
        if isinstance(node, Test) and node.name.startswith("test_"):
            drawn = any("given(" in ast.unparse(one) for one in node.decorator_list)
            if not drawn:
                yield node


def is_computed(iterable: ast.expr, test: Test) -> bool:
    """Whether what a test goes through is computed there, so that it may be empty some day."""
    if isinstance(iterable, ast.Name):
        return any(is_computed(value, test) for value in values_of(iterable.id, test))
    if isinstance(iterable, ast.Call):
        name = ast.unparse(iterable.func).rpartition(".")[2]
        if name == some.__name__:
            return False
        if name not in AS_MANY:
            return True
        owner = [iterable.func.value] if isinstance(iterable.func, ast.Attribute) else []
        return any(is_computed(given, test) for given in (*owner, *iterable.args))
    if isinstance(iterable, COMPREHENSIONS):
        return any(one.ifs or is_computed(one.iter, test) for one in iterable.generators)
    return isinstance(iterable, ast.Subscript) and is_computed(iterable.value, test)


def values_of(name: str, test: Test) -> list[ast.expr]:
    """What a name of the test is bound to; none if it is the module's or a parameter."""
    bound = [node for node in ast.walk(test) if isinstance(node, ast.Assign | ast.AnnAssign)]
    return [
        node.value
        for node in bound
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == name and node.value is not None
    ]


def holds_over_nothing(asserted: ast.expr, test: Test) -> bool:
    """Whether it says that all are so, or that there is none that is not, of what may be none."""
    if isinstance(asserted, ast.Call) and ast.unparse(asserted.func) == "all":
        return is_of_nothing(asserted.args[0], test)
    if isinstance(asserted, ast.UnaryOp) and isinstance(asserted.op, ast.Not):
        inner = asserted.operand
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "any":
            return is_of_nothing(inner.args[0], test)
        return is_empty_of_nothing(inner, test)
    if isinstance(asserted, ast.Compare) and isinstance(asserted.ops[0], ast.Eq):
        wanted = ast.unparse(asserted.comparators[0])
        return wanted in ("[]", "{}", "()", "set()") and is_empty_of_nothing(asserted.left, test)
    return False


def is_of_nothing(made: ast.expr, test: Test) -> bool:
    """Whether it is a comprehension over what may be nothing."""
    return isinstance(made, COMPREHENSIONS) and any(is_computed(one.iter, test) for one in made.generators)


def is_empty_of_nothing(made: ast.expr, test: Test) -> bool:
    """The same for one that is to be empty, or for a name that is bound to it.

    Where it leaves nothing out, what it goes through last is what is to be empty.
    """
    if isinstance(made, ast.Name):
        return any(is_empty_of_nothing(value, test) for value in values_of(made.id, test))
    if not isinstance(made, COMPREHENSIONS):
        return False
    chosen = any(one.ifs for one in made.generators)
    given = made.generators if chosen else made.generators[:-1]
    return any(is_computed(one.iter, test) for one in given)


def assertions(node: ast.AST, test: Test, *, hollow: bool = False) -> Iterator[bool]:
    """Of each assertion beneath a node, whether it holds over nothing."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert):
            yield hollow or holds_over_nothing(child.test, test)
        elif isinstance(child, ast.Call) and ast.unparse(child.func) == "pytest.raises":
            yield hollow
        inside = hollow or (isinstance(child, LOOPS) and is_computed(child.iter, test))
        yield from assertions(child, test, hollow=inside)


def hollow_tests(source: str) -> list[str]:
    """The names of the tests whose every assertion holds over nothing."""
    found = []
    for test in of_a_file(ast.parse(source)):
        made = list(assertions(test, test))
        if made and all(made):
            found.append(f"{test.lineno} {test.name}")
    return found


HOLLOW = {
    "a loop over a call": "for one in found():\n  assert one",
    "a loop over a name": "told = found()\n for one in told:\n  assert one",
    "a loop over what is sorted": "for one in sorted(found()):\n  assert one",
    "a loop in a loop": "for one in (1, 2):\n  for other in found(one):\n   assert other",
    "all": "assert all(one for one in found())",
    "none": "assert not [one for one in found() if one]",
    "none, by a name": "wrong = [one for one in found() if one]\n assert wrong == []",
    "none that is found in any": "assert [one for other in found() for one in wrong(other)] == []",
    "not any": "assert not any(one for one in found().values())",
}
FULL = {
    "some": "for one in some(found()):\n  assert one",
    "a literal": "for one in (1, 2):\n  assert one",
    "a table": "for one in TABLE:\n  assert one",
    "a name for a literal": "told = [1, 2]\n for one in enumerate(told):\n  assert one",
    "an assertion beside": "told = found()\n for one in told:\n  assert one\n assert len(told) == 3",
    "what is to be empty": "assert [one.name for one in wrong()] == []",
    "what is counted": "assert [one for one in found() if one] == [1]",
    "an error": "for one in found():\n  assert one\n with pytest.raises(ValueError):\n  found()",
}


@pytest.mark.parametrize("body", HOLLOW)
def test_a_hollow_test_is_noticed(body: str) -> None:
    assert hollow_tests(f"def test_it():\n {HOLLOW[body]}\n") == ["1 test_it"]


@pytest.mark.parametrize("body", FULL)
def test_a_test_that_is_not_is_left_alone(body: str) -> None:
    assert hollow_tests(f"def test_it():\n {FULL[body]}\n") == []


def test_no_test_is_hollow() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{test}"
        for path in some(TESTS.rglob("test_*.py"))
        for test in hollow_tests(path.read_text(encoding="utf-8"))
    ]
    assert found == [], "hand what is gone through to tests.support.some.some"
