"""The page of a report: HTML that needs nothing else, with a plot of each case. report.py says what a report is."""

import html

from axis import LOGARITHMIC_ABOVE, Axis
from report import YARDSTICKS, best_of, extras_table, label, number, ratio, rows_of, standing, times, used_one_core

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #e1e5ec; --paper: #fff; --sennit: #0b7a75;
  --go: #3f8fc7; --tokio: #c2703d; --other: #a9b1bf; --bad: #b3261e; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #30363f; --paper: #14181f;
  --sennit: #35b5ac; --other: #5d6675; --bad: #ff8a80; --good: #6fdc8c; } }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper); max-width: 1020px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .87rem; }
th, td { text-align: right; padding: .25rem .5rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; } .bad { color: var(--bad); } .good { color: var(--good); }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 12px; fill: var(--ink); }
.sennit { fill: var(--sennit); } .go { fill: var(--go); } .tokio { fill: var(--tokio); } .other { fill: var(--other); }
.whisker { stroke: var(--ink); stroke-width: 1.2; } .tick { stroke: var(--line); } svg text.soft { fill: var(--soft); }
.key span { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; vertical-align: -1px; }
"""

WIDTH, LEFT, RIGHT, BAR, HEAD = 980, 290, 250, 20, 18
PLOT = WIDTH - LEFT - RIGHT - 24  # what is named at its end needs room


def colour_class(row):
    return row["group"] if row["group"] in ("sennit", *YARDSTICKS) else "other"


def ticks(axis, height):
    """A line down the plot for each value that the axis names."""
    parts = []
    for value in axis.ticks():
        x = f"{LEFT + PLOT * axis.place(value):.1f}"
        parts.append(f'<line class="tick" x1="{x}" x2="{x}" y1="{HEAD - 3}" y2="{height}"/>'
                     f'<text class="soft" x="{x}" y="11" text-anchor="middle">{number(value)}</text>')
    return parts


def bars(rows, unit):
    """One bar for each row, with a whisker from the smallest to the largest, the CPU beside it and the ratios."""
    axis = Axis(min(row["min"] for row in rows), max(row["max"] for row in rows))
    go, tokio = (best_of(rows, group) for group in YARDSTICKS)
    height = BAR * len(rows) + HEAD
    scale = ", logarithmic" if axis.is_logarithmic else ""
    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img">', *ticks(axis, height),
             f'<text class="soft" x="{LEFT - 28}" y="11" text-anchor="end">{html.escape(unit)}{scale}</text>',
             f'<text class="soft" x="{WIDTH - RIGHT + 8}" y="11">median</text>',
             f'<text class="soft" x="{WIDTH - 170}" y="11">CPU</text>',
             f'<text class="soft" x="{WIDTH - 100}" y="11">÷ Go</text>',
             f'<text class="soft" x="{WIDTH - 48}" y="11">÷ tokio</text>']
    for i, row in enumerate(rows):
        y, text = HEAD + i * BAR, HEAD + i * BAR + 13
        low, median, high = (PLOT * axis.place(row[value]) for value in ("min", "median", "max"))
        title = f"{label(row)}: {number(row['median'])} ({number(row['min'])}–{number(row['max'])}) {unit}"
        weight = ' font-weight="600"' if row["group"] == "sennit" else ""
        star = "¹" if used_one_core(row) else ""
        parts.append(
            f'<g><title>{html.escape(title)}</title>'
            f'<text x="{LEFT - 8}" y="{text}" text-anchor="end"{weight}>{html.escape(label(row))}</text>'
            f'<rect class="{colour_class(row)}" x="{LEFT}" y="{y + 3}" width="{max(median, 1):.1f}" height="{BAR - 7}"/>'
            f'<line class="whisker" x1="{LEFT + low:.1f}" x2="{LEFT + high:.1f}" y1="{y + BAR / 2 - .5}" y2="{y + BAR / 2 - .5}"/>'
            f'<text x="{WIDTH - RIGHT + 8}" y="{text}">{number(row["median"])}</text>'
            f'<text class="soft" x="{WIDTH - 170}" y="{text}">{number(row["cpu"])}{star}</text>'
            f'<text class="soft" x="{WIDTH - 100}" y="{text}">{times(ratio(row, go))}</text>'
            f'<text class="soft" x="{WIDTH - 48}" y="{text}">{times(ratio(row, tokio))}</text></g>')
    return "".join(parts) + "</svg>"


def cells(values, tag):
    return "<tr>" + "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in values) + "</tr>"


def extras_html(rows):
    beside = extras_table(rows)
    if not beside:
        return ""
    return "<table>" + cells(beside[0], "th") + "".join(cells(line, "td") for line in beside[1]) + "</table>"


def standing_table(report):
    lines = ["<table><tr><th>workload</th><th>Sennit</th><th>best other</th><th></th><th>Sennit ÷ best other</th></tr>"]
    for s in sorted(standing(report), key=lambda s: -(s["ratio"] or 0)):
        kind = "good" if s["ratio"] is not None and s["ratio"] <= 1 else "bad"
        lines.append(f"<tr><td>{html.escape(s['case']['title'])}</td><td>{number(s['own']['median'])}</td>"
                     f"<td>{number(s['other']['median'])} {html.escape(s['case']['unit'])}</td>"
                     f"<td>{html.escape(label(s['other']))}</td><td class=\"{kind}\">{times(s['ratio'])}</td></tr>")
    return "".join(lines) + "</table>" if len(lines) > 1 else "<p>Sennit took no part in this run.</p>"


def targets_table(checked):
    lines = ["<table><tr><th>workload</th><th>flow</th><th>of</th><th>measured</th><th>at most</th><th></th></tr>"]
    for mark in checked:
        verdict, kind = {None: ("not measured", "soft"), True: ("holds", "good"), False: ("missed", "bad")}[mark["holds"]]
        lines.append(f"<tr><td>{html.escape(mark['case'])}</td><td>{mark['variant']}</td><td>{mark['of'] or ''}</td>"
                     f"<td>{number(mark['measured'])}</td><td>{number(mark['limit'])}</td><td class=\"{kind}\">{verdict}</td></tr>")
    return "".join(lines) + "</table>"


def html_page(report, checked):
    """One HTML page that needs nothing else."""
    machine = report["machine"]
    facts = [f"{machine['cpu']}, {machine['cores']} cores; {machine['kernel']}",
             f"commit {report['commit'][:12]}, {report['date']}, {report['rounds']} rounds"]
    facts += [f"{system}: " + ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
              for system, found in sorted(report["versions"].items())]
    if machine.get("environment"):
        facts.append("environment: " + ", ".join(machine["environment"]))
    facts += [f"not measured: {line}" for line in report["skipped"]]
    parts = ['<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
             f"<title>Sennit: measured beside its peers</title><style>{STYLE}</style>",
             "<h1>Sennit, measured beside its peers</h1>"]
    if report["is_quick"]:
        parts.append('<p class="bad">A short run: it shows that everything works, not how fast it is.</p>')
    if report.get("missing"):
        parts.append(f'<p class="bad">A run that was stopped. Missing: {html.escape(", ".join(report["missing"]))}.</p>')
    parts.append("<p>" + "<br>".join(f'<span class="soft">{html.escape(fact)}</span>' for fact in facts) + "</p>")
    parts.append('<p class="key">Lower is better everywhere. A bar is the median, the line on it goes from the smallest to the '
                 f'largest. Where values lie more than {LOGARITHMIC_ABOVE} times apart the axis is logarithmic. ÷ Go and ÷ tokio: '
                 'the best row of each on as many threads.')
    for name in ("sennit", *YARDSTICKS, "other"):
        parts.append(f'<span style="background: var(--{name})"></span>{name}')
    parts.append("<br>¹ CPU time equals wall time: one core did the work.</p>")
    parts.append("<h2>Where Sennit loses, and where it wins</h2>" + standing_table(report))
    parts.append("<h2>The marks</h2>" + targets_table(checked))
    for case in report["cases"]:
        rows = rows_of(report, case["id"])
        for threads in sorted({row["threads"] for row in rows}):
            chosen = [row for row in rows if row["threads"] == threads]
            many = f"{threads} thread" + ("s" if threads > 1 else "")
            parts.append(f"<h2>{html.escape(case['title'])}, {many}</h2>" + bars(chosen, case["unit"]) + extras_html(chosen))
    return "\n".join(parts) + "</html>\n"
