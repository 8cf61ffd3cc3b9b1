"""A plan proposed by a model is not believed until nothing is wrong with it."""

from hypothesis import given
from hypothesis import strategies as st

from bot.plan import Plan, Step, ends, in_circle, problems
from tests.core.plans import TEAM, plans


def step(id: str, *needs: str, worker: str = "writer") -> Step:
    return Step(id=id, title=id, worker=worker, instruction="do it", needs=needs)


def wrong_with(*steps: Step, most: int = 20) -> str:
    return " ".join(problems(Plan(title="t", steps=steps), TEAM, most))


@given(plans())
def test_a_valid_plan_has_no_problems(plan: Plan) -> None:
    assert problems(plan, TEAM) == []
    assert ends(plan.steps)


def test_each_mistake_is_named_in_words() -> None:
    assert wrong_with() == "The plan has no steps."
    assert "waits" not in wrong_with(step("a", "a")) and "needs itself" in wrong_with(step("a", "a"))
    assert "circle" in wrong_with(step("a", "b"), step("b", "a"))
    assert "“ghost”, which is not a step" in wrong_with(step("a", "ghost"))
    assert "two steps called “a”" in wrong_with(step("a"), step("a"))
    assert "“barista”, who is not on the team" in wrong_with(step("a", worker="barista"))
    assert "same need twice" in wrong_with(step("a"), step("b", "a", "a"))
    assert "lacks a title" in wrong_with(Step(id="a", title=" ", worker="writer", instruction="x"))
    assert "10000 steps; 20 is the most" in wrong_with(*[step(str(i)) for i in range(10_000)])


@given(st.sampled_from(["", "~plan", "~answer", "a\x00", "a b", "x" * 41, "ü/ö"]))
def test_an_id_that_could_be_taken_for_another_is_refused(id: str) -> None:
    assert "an id has up to 40 letters" in wrong_with(step(id))


def test_an_empty_team_can_do_nothing() -> None:
    assert problems(Plan(title="t", steps=(step("a"),)), ()) == [
        "Step “a” wants the worker “writer”, who is not on the team here."
    ]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_a_circle_is_found_exactly_when_there_is_one(edges: list[tuple[int, int]]) -> None:
    needs: dict[int, set[int]] = {i: set() for i in range(6)}
    for a, b in edges:
        needs[a].add(b)
    steps = [step(str(i), *(str(n) for n in ns)) for i, ns in needs.items()]

    def reaches_itself(start: int) -> bool:
        seen: set[int] = set()
        todo = set(needs[start])
        while todo:
            node = todo.pop()
            if node == start:
                return True
            if node not in seen:
                seen.add(node)
                todo |= needs[node]
        return False

    assert bool(in_circle(steps)) == any(reaches_itself(i) for i in range(6))
