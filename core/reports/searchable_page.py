"""The page `docs/results/all.md`: every record, in tables that `docs/assets/results.js` filters and sorts.

It needs no network and works opened from disk. Without JavaScript all tables are shown, one below the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from core.reports.records import Record, text


@dataclass(frozen=True)
class RecordTable:
    """A table of the page: its title, a note in HTML, records, and the columns shown (all by default)."""

    title: str
    note: str
    records: Sequence[Record]
    columns: Sequence[str] = ()


def searchable_page(tables: Sequence[RecordTable]) -> str:
    """The page with these tables, in Markdown with HTML blocks."""
    shown = [table for table in tables if table.records]
    options = "".join(f"<option value='{number}'>{escape(table.title)}</option>" for number, table in enumerate(shown))
    parts = [
        HEAD,
        "<div id='records'>",
        f"<p><label>Table <select>{options}</select></label>",
        "<label>Filter <input type='search' placeholder='cifar heap 64'></label> <output></output></p>",
        *(_section(number, table) for number, table in enumerate(shown)),
        "</div>",
    ]
    return "\n".join(parts) + "\n"


def _section(number: int, table: RecordTable) -> str:
    columns = table.columns or list(dict.fromkeys(name for record in table.records for name in record))
    columns = [name for name in columns if any(text(record.get(name)) for record in table.records)]
    head = "".join(f"<th><button type='button'>{escape(name)}</button></th>" for name in columns)
    rows = [
        "<tr>" + "".join(f"<td>{escape(text(record.get(name)), quote=False)}</td>" for name in columns) + "</tr>"
        for record in table.records
    ]
    return "\n".join(
        [
            f"<section data-number='{number}'>",
            f"<h2>{escape(table.title)}</h2>",
            f"<p>{table.note}</p>",
            f"<div class='scroll'><table class='records'><thead><tr>{head}</tr></thead>",
            "<tbody>",
            *rows,
            "</tbody></table></div>",
            "</section>",
        ]
    )


HEAD = """---
hide: [navigation, toc]
search:
  exclude: true
---

# All models

Written by `make results` from the JSON files in `checkpoints/`; do not edit.
All numbers are also in [models.csv](models.csv), [attacks.csv](attacks.csv), [pareto_fronts.csv](pareto_fronts.csv)
and [training.csv](training.csv). Brackets hold 95% intervals.
Type several words to find the rows that contain all of them; press a column title to sort.
"""
