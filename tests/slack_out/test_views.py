"""Whatever a message says, Slack takes it, and nobody is mentioned but by us."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.messages import AnswerMessage, Ask, Card, CardStatus, Message, Notice, PlanMessage, Reply, Root
from bot.plan import Step
from bot.run import Request, Run, RunStatus, StepState
from bot.slack.richtext import from_markdown, target, words
from bot.slack.views import FULL, Look, Post, blocks_for, full_text_modal, help_blocks, status_blocks
from bot.slack.wording import escape, shorten, size
from playground.block_rules import check_message_blocks, check_view
from tests.slack_out.made import inside
from workers import File, Result, Source, Table

LOOKS = [
    FULL,
    Look(native=False),
    Look(names=False),
    Look(room=800),
    Look(native=False, names=False, pictures=False, blocks=False),
]

nasty = st.sampled_from(
    [
        "<!channel> <@U024BE7LH> <!subteam^S01|x> <#C1|general> <https://evil.example/?q=secret|your bank>",
        "[your bank](https://evil.example/?q=secret) ![p](https://evil.example/p.png)",
        "\u202eevil\u202c شركة \x00 \ud800 " + "Z̸̢͖̑" * 50,
        "```\n" + "x" * 4_000,
        "&<>" * 14_000,
        "- a\n  - b\n    1. c\n\n> q\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n# H\n***x***",
        "👩‍👩‍👧‍👦" * 10_000,
        "**" * 3_000 + "_" * 3_000 + "[" * 3_000,
        "{person}" * 100,
        "https://a.example/" + "b" * 5_000,
        "",
        " \n ",
    ]
)
texts = st.one_of(st.text(max_size=300), nasty)
people = st.sampled_from(["U024BE7LH", "W1", "", "<!channel>", "nobody"])
files = st.builds(
    File,
    name=texts,
    mimetype=st.sampled_from(["image/png", "text/csv"]),
    size=st.integers(0, 10**12),
    slack_id=st.sampled_from(["", "F0123456789"]),
)
tables = st.builds(
    Table,
    columns=st.lists(texts, max_size=25).map(tuple),
    rows=st.lists(st.lists(texts, max_size=25).map(tuple), max_size=4).flatmap(
        lambda rows: st.sampled_from([tuple(rows), tuple(rows) * 60])
    ),
)
results = st.builds(
    Result,
    text=texts,
    files=st.lists(files, max_size=12).map(tuple),
    sources=st.lists(st.builds(Source, title=texts, url=texts), max_size=8).map(tuple),
    table=st.none() | tables,
)
cards = st.builds(Card, texts, texts, texts, st.sampled_from(get_args(CardStatus)), texts)
states = st.sampled_from(get_args(RunStatus))
messages = st.one_of(
    st.builds(Root, people, texts),
    st.builds(
        PlanMessage, states, texts, texts, people, st.lists(cards, max_size=20).map(tuple), st.booleans()
    ),
    st.builds(Reply, texts, texts, texts, results, people),
    st.builds(AnswerMessage, states, people, texts),
    st.builds(
        Ask,
        texts,
        st.integers(0, 9),
        texts,
        people,
        texts,
        st.lists(texts, max_size=30).map(tuple),
        st.booleans(),
        texts,
        people,
    ),
    st.builds(Notice, people, texts),
)


def emoji(worker: str) -> str:
    return ":gear:"


def check(post: Post, message: Message) -> None:
    check_message_blocks(post.blocks, set())
    assert post.text.strip()
    assert size(post.text) <= 4_000, "chat.update takes no more"
    json.dumps([post.text, post.blocks]).encode()
    "".join([post.text, post.username]).encode("utf-8")
    for part in inside(post.blocks):
        assert part.get("type") not in ("broadcast", "usergroup", "channel", "markdown")
        assert "image_url" not in part
        if part.get("type") == "user":
            assert part["user_id"] in (getattr(message, n, "") for n in ("by", "to", "person"))
        if part.get("type") == "mrkdwn":
            assert "<!" not in part["text"]
            assert "<@" not in part["text"]
        if part.get("type") in ("task_card", "plan"):
            assert size(part["title"]) <= 256
        if part.get("type") == "task_card":
            for name in ("details", "output"):
                assert size(words(part.get(name, {}).get("elements", []))) <= 256
    assert "<!" not in post.text
    assert post.text.count("<@") <= 1 + getattr(message, "line", "").count("{person}")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(messages, st.sampled_from(LOOKS))
def test_slack_takes_every_message(message: Message, look: Look) -> None:
    """Blocks are valid under all limits, whatever people and models wrote."""
    check(blocks_for("key", message, "run1", emoji, look), message)


def test_the_largest_plan_fits() -> None:
    """Twenty steps with the longest words stay under what one message may hold."""
    card = Card("a", "t" * 40_000, "w" * 40_000, "error", "l" * 40_000)
    plan = PlanMessage("working", "t" * 40_000, "l" * 40_000, "U1", (card,) * 20, True)
    check(blocks_for("plan", plan, "r", emoji), plan)
    check(blocks_for("plan", plan, "r", emoji, fallback=True), plan)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts, texts)
def test_the_whole_text_fits_a_modal(title: str, text: str) -> None:
    """A modal takes any result, and says what it leaves out."""
    view = full_text_modal(title, text)
    check_view(view, "modal")
    assert len(json.dumps(view)) < 240_000


def test_the_whole_text_is_all_there() -> None:
    """Nothing is lost between the pages, and a code block goes on as one."""
    text = "\n\n".join(f"Paragraph {n}. " + "word " * 50 for n in range(120))
    shown = " ".join(words(b["elements"]) for b in full_text_modal("T", text)["blocks"])
    assert all(f"Paragraph {n}." in shown for n in range(120))
    code = "```\n" + "\n".join(f"row {n}" for n in range(1_500)) + "\n```\nafter"
    blocks = full_text_modal("T", code)["blocks"]
    kinds = [[e["type"] for e in b["elements"]] for b in blocks]
    assert all(k[0] == "rich_text_preformatted" for k in kinds)
    assert "row 1499" in words(blocks[-1]["elements"])


def test_help_and_status_fit() -> None:
    """Both are plain blocks of a message only one person sees."""
    steps = (StepState(Step(id="a", title="A", worker="w", instruction=""), status="done"),)
    run = Run("r", "T", Request("<!channel> do", "U1", "C1"), 0.0, "working", steps=steps)
    check_message_blocks(help_blocks(), set())
    check_message_blocks(status_blocks([run] * 30), set())
    check_message_blocks(status_blocks([]), set())
    assert "<!channel>" not in json.dumps(status_blocks([run]))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/a/b?c=d", "example.com/a/b?c=d"),
        ("https://example.com", "example.com"),
        ("https://slack.com@evil.example/", None),
        ("https://gооgle.com/", "xn--ggle-55da.com"),
        ("javascript:alert(1)", None),
        ("https://[bad/", None),
    ],
)
def test_a_link_shows_where_it_goes(url: str, shown: str | None) -> None:
    """No look-alike, no user part, no script."""
    assert target(url) == shown


def test_a_masked_link_is_unmasked() -> None:
    """The words stay words; only the address itself can be clicked."""
    said = words(from_markdown("See [your bank](https://evil.example/?q=1) and <https://a.example>."))
    assert said == "See your bank (evil.example/?q=1) and a.example."


def test_markdown_keeps_its_shape() -> None:
    """Lists nest and go on counting, quotes and code stay apart, tables line up."""
    elements = from_markdown(
        "1. one\n2. two\n   - sub\n3. three\n\n> said\n\n```\ncode <b>\n```\n\n|a|b|\n|-|-|\n|1|22|"
    )
    kinds = [(e["type"], e.get("style"), e.get("indent"), e.get("offset")) for e in elements]
    assert kinds == [
        ("rich_text_list", "ordered", 0, None),
        ("rich_text_list", "bullet", 1, None),
        ("rich_text_list", "ordered", 0, 2),
        ("rich_text_quote", None, None, None),
        ("rich_text_preformatted", None, None, None),
        ("rich_text_preformatted", None, None, None),
    ]


def test_a_long_result_ends_where_a_reader_would_stop() -> None:
    """At the end of a paragraph, with a button for the rest."""
    text = "\n\n".join(f"Paragraph {n} has some words in it." for n in range(200))
    post = blocks_for("step:a", Reply("a", "T", "researcher", Result(text=text)), "run1", emoji)
    assert words(post.blocks[1]["elements"]).endswith("words in it.")
    assert post.blocks[2]["elements"][0]["action_id"] == "show_all"
    assert post.blocks[2]["elements"][0]["value"] == "run1/a"
    assert shorten("a" * 100, 10) == ("a" * 9, True)


def test_the_answer_mentions_and_asks_for_a_thumb() -> None:
    """The reply that is the answer carries the requester and the feedback buttons."""
    reply = Reply("a", "Totals", "analyst", Result(text="42"), to="U1")
    post = blocks_for("step:a", reply, "run1", emoji)
    assert post.text.startswith("<@U1> analyst: Totals\n42")
    assert (post.username, post.icon_emoji) == ("analyst", ":gear:")
    assert post.blocks[-1]["elements"][0]["positive_button"]["value"] == "run1/good"


def test_a_question_offers_its_options_until_it_is_answered() -> None:
    """Buttons while it is open; the answer and who gave it afterwards."""
    ask = Ask("a", 0, "analyst", "U1", "Which year?", ("2025", "2026"), True)
    actions = next(b for b in blocks_for("k", ask, "run1", emoji).blocks if b["type"] == "actions")
    assert [(e["action_id"], e["value"]) for e in actions["elements"]] == [
        ("answer:0", "run1/a/0"),
        ("answer:1", "run1/a/0"),
    ]
    done = Ask("a", 0, "analyst", "U1", "Which year?", (), False, "2025", "U2")
    post = blocks_for("k", done, "run1", emoji)
    assert "actions" not in [b["type"] for b in post.blocks]
    assert "2025" in post.text


def test_a_cut_table_says_so() -> None:
    """At most 100 rows and 20 columns; the rest in words."""
    table = Table(columns=tuple("abcdefghijklmnopqrstuvwxyz"), rows=(tuple("1" * 26),) * 300)
    blocks = blocks_for("k", Reply("a", "T", "w", Result(text="x", table=table)), "r", emoji).blocks
    rows = next(b["rows"] for b in blocks if b["type"] == "table")
    assert (len(rows), len(rows[0])) == (100, 20)
    assert blocks[-1]["elements"][0]["text"] == "Shown here: the first 99 of 300 rows and 20 of 26 columns."


def test_escaping_fits_its_room() -> None:
    """What escaping adds is counted."""
    assert size(escape("&" * 5_000, 2_900)) <= 2_900
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
