"""Files as people have them: typed tables, or one sentence. Runs the child's desk in this process."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest

from workers.kit.tables.child import Desk
from workers.kit.tables.limits import Limits, Refused, Unreadable
from workers.kit.tables.names import RESERVED, identifier

SMALL = Limits(
    file_bytes=200_000, cells=5_000, columns=50, unpacked_bytes=3_000_000, entries=60, ratio=40, sheets=2
)


def load(folder: Path, name: str, data: bytes | str, limits: Limits = SMALL) -> list[dict[str, Any]]:
    path = folder / "stored"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return Desk(limits).load(str(path), name)


def types(table: dict[str, Any]) -> dict[str, str]:
    return {c["name"]: c["type"] for c in table["columns"]}


def workbook(*sheets: tuple[str, Sequence[Sequence[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    del book[book.sheetnames[0]]
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def repacked(data: bytes, part: str, content: bytes) -> bytes:
    """The workbook with one part exchanged (or added)."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != part:
                new.writestr(name, old.read(name))
        new.writestr(part, content)
    return out.getvalue()


PLAIN = "city,n,day\nKöln,1,2026-01-05\nBonn,2,2026-01-06\n"
PLAIN_TYPES = {"city": "VARCHAR", "n": "BIGINT", "day": "DATE"}


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        PLAIN.encode("cp1252"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace(",", "|").encode(),
        ("sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n")).encode(),
        ("\n\nAll cities\n\n" + PLAIN).encode(),
        PLAIN.replace("\n", ",,\n").encode(),
    ],
    ids=[
        "utf8",
        "bom",
        "utf16",
        "utf16le",
        "utf16be",
        "cp1252",
        "semicolon",
        "tab",
        "pipe",
        "sep=",
        "title",
        "empty-columns",
    ],
)
def test_a_csv_in_any_dress_is_the_same_table(tmp_path: Path, data: bytes) -> None:
    (table,) = load(tmp_path, "../../etc/Städte 2026.csv", data)
    assert types(table) == PLAIN_TYPES
    assert table["rows"] == 2
    assert table["sample"][0] == ["Köln", "1", "2026-01-05"]
    assert table["name"].isidentifier()


@pytest.mark.parametrize(
    ("values", "type_", "first"),
    [
        (["1.234,56", "7,5"], "DOUBLE", "1234.56"),
        (["1,234.56", "7.5"], "DOUBLE", "1234.56"),
        (["1.234,56 €", "-7,5 EUR"], "DOUBLE", "1234.56"),
        (["$1,234", "$12"], "DOUBLE", "1234.0"),
        (["1.5", "2.25e3"], "DOUBLE", "1.5"),
        (["1.234", "2.345"], "DOUBLE", "1.234"),
        (["12", "-7", "n/a", "#DIV/0!"], "BIGINT", "12"),
        (["00123", "00456"], "VARCHAR", "00123"),
        (["+49 30 1", "+49 30 2"], "VARCHAR", "+49 30 1"),
        (["12345678901234567890", "12345678901234567891"], "VARCHAR", "12345678901234567890"),
        (["12 %", "13 %"], "VARCHAR", "12 %"),
        (["true", "FALSE"], "BOOLEAN", "true"),
        (["2026-11-21", "2026-11-22"], "DATE", "2026-11-21"),
        (["2026-11-21 10:30", "2026-11-22"], "TIMESTAMP", "2026-11-21 10:30:00"),
        (["2026-11-21T10:30:00Z", "2026-11-22T00:00:00Z"], "TIMESTAMP", "2026-11-21 10:30:00"),
        (["21.11.2026", "1.2.2026"], "DATE", "2026-11-21"),
        (["21.11.2026 08:15", "01.02.2026 00:00"], "TIMESTAMP", "2026-11-21 08:15:00"),
        (["21/11/2026", "01/02/2026"], "DATE", "2026-11-21"),
        (["11/21/2026", "01/02/2026"], "DATE", "2026-11-21"),
        (["01/02/2026", "03/04/2026"], "VARCHAR", "01/02/2026"),
        (["2026-13-45", "2026-01-01"], "VARCHAR", "2026-13-45"),
        (["=1+1", "@x"], "VARCHAR", "=1+1"),
    ],
)
def test_the_values_of_a_column_decide_its_type(
    tmp_path: Path, values: list[str], type_: str, first: str
) -> None:
    (table,) = load(tmp_path, "t.csv", "v\tk\n" + "".join(f"{v}\tx\n" for v in values))
    assert (types(table)["v"], table["sample"][0][0]) == (type_, first)


def test_dots_group_thousands_where_the_table_writes_numbers_the_german_way(tmp_path: Path) -> None:
    (table,) = load(tmp_path, "t.csv", "a;b;c\n1.234;0,5;1,234\n2.000;1,5;2,000\n")
    assert table["sample"][0] == ["1234.0", "0.5", "1.234"]


def test_ragged_rows_are_kept_and_said(tmp_path: Path) -> None:
    (table,) = load(tmp_path, "t.csv", "a,b\n1,2\n3\n4,5,6\n")
    assert table["rows"] == 3
    assert [*types(table)] == ["a", "b", "column_3"]
    assert table["notes"] == ["2 of 3 rows have more or fewer cells than the header; all were kept"]


def test_quotes_may_hold_line_breaks_and_delimiters(tmp_path: Path) -> None:
    (table,) = load(tmp_path, "t.csv", 'a,b\n"x, ""y""\nz",1\n')
    assert table["sample"] == [['x, "y" z', "1"]]


def test_a_file_without_a_header_gets_numbered_columns(tmp_path: Path) -> None:
    (table,) = load(tmp_path, "t.csv", "1,2\n3,4\n")
    assert (table["rows"], [*types(table)]) == (2, ["column_1", "column_2"])


def test_names_are_made_writable_without_quotes(tmp_path: Path) -> None:
    (table,) = load(
        tmp_path, "order.csv", 'Umsatz (EUR),umsatz eur,select,2024,Größe,"""; DROP--"\na,b,c,d,e,f\n'
    )
    assert [*types(table)] == ["Umsatz_EUR", "umsatz_eur_2", "select_", "n2024", "Größe", "DROP"]
    assert table["name"] == "order_"
    reserved = duckdb.execute(
        "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
    )
    assert {word for (word,) in reserved.fetchall()} <= RESERVED
    assert identifier("***", "column_7") == "column_7"


def test_json_in_its_usual_shapes(tmp_path: Path) -> None:
    rows: list[Any] = [{"a": 1, "b": {"c": "x", "d": [1, 2]}}, {"a": 2.5, "e": None}]
    lines = "\n".join(json.dumps(r) for r in rows)
    for data in (json.dumps(rows), lines, json.dumps({"count": 2, "data": rows})):
        (table,) = load(tmp_path, "t.json", data)
        assert types(table) == {"a": "DOUBLE", "b_c": "VARCHAR", "b_d": "VARCHAR", "e": "VARCHAR"}
        assert table["sample"][0] == ["1.0", "x", "[1, 2]", ""]
    first, second = load(tmp_path, "t.json", json.dumps({"x": rows, "y": rows}))
    assert (first["name"], second["name"]) == ("t_x", "t_y")
    assert load(tmp_path, "t.json", '[{"a": "\\ud800"}]')[0]["sample"] == [["?"]]


def test_a_workbook_gives_a_table_for_each_sheet_and_its_formulas_stay_values(tmp_path: Path) -> None:
    data = workbook(
        (
            "Sales",
            [
                ["Report"],
                [],
                ["day", "n", "w"],
                [date(2026, 1, 2), 3, None],
                [
                    datetime(2026, 1, 3),  # noqa: DTZ001 -- a cell has no zone
                    4.5,
                    "#N/A",
                ],
            ],
        ),
        ("Links", [["what", "link"], ["x", '=HYPERLINK("http://127.0.0.1/","x")']]),
        ("Third", [["a"], [1]]),
    )
    sales, links = load(tmp_path, "Book.xlsx", data)
    assert types(sales) == {"day": "DATE", "n": "DOUBLE", "w": "VARCHAR"}
    assert sales["notes"] == [
        "only the first 2 of 3 sheets were read",
        "1 line(s) above the header were left out",
    ]
    assert (links["name"], links["sample"]) == ("links", [["x", ""]])


def test_parquet_is_read_by_duckdb_whatever_its_path_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a*[b]?.x"
    duckdb.sql("SELECT i AS \"The Id\", 'x' AS t FROM range(5) r(i)").write_parquet(str(tmp_path / "p"))
    (tmp_path / "p").rename(path)
    (table,) = Desk(SMALL).load(str(path), "p.parquet")
    assert (types(table), table["rows"]) == ({"The_Id": "BIGINT", "t": "VARCHAR"}, 5)
    duckdb.sql("SELECT i FROM range(6000) r(i)").write_parquet(str(tmp_path / "large"))
    with pytest.raises(Unreadable, match="5,000 cells"):
        Desk(SMALL).load(str(tmp_path / "large"), "large.parquet")


BOOK = workbook(("S", [["a", "b"], [1, 2]]))
BOMB = repacked(BOOK, "xl/media/x.xml", b"0" * 2_900_000)
XXE = repacked(
    BOOK,
    "xl/sharedStrings.xml",
    b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><sst>&x;</sst>',
)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("e.csv", b"", "e.csv is empty."),
        ("e.csv", b"\xef\xbb\xbf \r\n\n", "e.csv is empty."),
        ("h.csv", b"a,b,c\n", "no rows below its header"),
        ("h.csv", b"a,b,c\n,,\n", "no rows below its header"),
        ("b.csv", bytes(range(256)) * 40, "looks like a binary file"),
        ("b.csv", b"\x7fELF\x02\x01\x01" + b"\0" * 500, "looks like a binary file"),
        ("b.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 9, "looks like a binary file"),
        ("w.csv", b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        ("w.csv", ",".join(f"c{i}" for i in range(20_000)) + "\n1\n", "has 20,000 columns; I take 50"),
        ("w.csv", "a,b\n" + "1," * 20_000 + "\n", "has 20,00. columns; I take 50"),
        ("l.csv", "a,b\n" + "1,2\n" * 3_000, "I take 5,000 cells"),
        ("l.csv", b"a" * 200_001, "larger than 0 MB"),
        ("q.csv", 'a,b\n1,"' + "x\n" * 90_000, "Is a quote there never closed"),
        ("x.pdf", b"%PDF-1.7 ...", "is not a table that I can read"),
        ("x.docx", BOOK, "is an archive or a document"),
        ("x.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "save it as .xlsx"),
        ("x.xlsx", b"a,b\n1,2\n", "does not hold what its name says"),
        ("x.parquet", b"a,b\n1,2\n", "does not hold what its name says"),
        ("x.parquet", b"PAR1" + b"\0" * 50 + b"PAR1", "is damaged, or not a Parquet file"),
        ("x.xlsx", BOOK[: len(BOOK) // 2], "damaged, or not an Excel workbook"),
        ("x.xlsx", repacked(BOOK, "xl/workbook.xml", b"<workbook"), "damaged, or not an Excel workbook"),
        ("x.xlsx", repacked(BOOK, "xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"), "is damaged"),
        ("x.xlsx", XXE, "no need for a document type"),
        ("x.xlsx", repacked(BOMB, "xl/y.xml", b"1" * 2_900_000), "would unpack to"),
        (
            "x.xlsx",
            workbook(*((f"s{i}", [["a"], ["1"]]) for i in range(70))),
            "parts; a workbook may have 60",
        ),
        ("x.xlsx", workbook(("wide", [[f"c{i}" for i in range(200)], [1]])), "has 200 columns; I take 50"),
        ("x.xlsx", workbook(("none", [])), "no rows below its header"),
        ("j.json", b"[]", "holds no rows"),
        ("j.json", b'{"a": ', "is not valid JSON"),
        ("j.json", b"[" * 100_000, "is not valid JSON"),
        ("j.json", b'{"a": ' + b"9" * 5_000 + b"}", "is not valid JSON"),
        ("j.json", b'"text"', "holds no rows"),
    ],
)
def test_a_bad_file_is_one_plain_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes | str, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unreadable, match=sentence):
        load(tmp_path, name, data)


def test_a_sheet_that_lies_about_its_size_is_read_as_what_it_is(tmp_path: Path) -> None:
    lie = b"""<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
    <dimension ref="A1:XFD1048576"/><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>
    <row r="2"><c r="A2"><v>1</v></c></row></sheetData></worksheet>"""
    (table,) = load(tmp_path, "x.xlsx", repacked(BOOK, "xl/worksheets/sheet1.xml", lie))
    assert (table["rows"], types(table)) == (1, {"a": "BIGINT"})


def test_all_tables_share_the_cap_and_names_never_collide(tmp_path: Path) -> None:
    desk = Desk(SMALL)
    path = tmp_path / "t"
    path.write_text("a,b\n" + "1,2\n" * 1_500)
    assert desk.load(str(path), "t.csv")[0]["name"] == "t"
    with pytest.raises(Unreadable, match="in all attached tables together"):
        desk.load(str(path), "t.csv")
    desk.query("SELECT 1")
    with pytest.raises(Unreadable, match="before the first query"):
        desk.load(str(path), "t.csv")
    with pytest.raises(Refused):
        desk.query("SELECT * FROM nowhere")
