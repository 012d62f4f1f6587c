"""Statistics and reports of the comparison suite: what becomes of the repetitions that run.py collected.

A report is a dictionary: `machine`, `versions`, `commit`, `date`, `rounds`, `reps`, `is_quick`, `skipped`, `cases`, `missing` (the
names of the cases that a run that was stopped has not measured) and `rows`. A row is one system with one variant and one number of threads
on one case: `case`, `system`, `group` (all versions of Go are the group go), `variant`, `threads`, and two lists, `values` and `cpus`, in
the case's unit. Lower is better in every unit.
"""

import html
import statistics

MARKER_BEGIN = "<!-- begin: written by make bench -->"
MARKER_END = "<!-- end: written by make bench -->"
YARDSTICKS = ("go", "tokio")


def summary(values):
    """(median, smallest, largest)."""
    return statistics.median(values), min(values), max(values)


def with_statistics(row):
    row = dict(row)
    row["median"], row["min"], row["max"] = summary(row["values"])
    row["cpu"] = statistics.median(row["cpus"]) if row["cpus"] else None
    return row


def rows_of(report, case_id):
    """Of one case, the fastest first."""
    rows = [with_statistics(row) for row in report["rows"] if row["case"] == case_id]
    return sorted(rows, key=lambda row: row["median"])


def best_of(rows, group, variant=None, threads=None):
    """The row of a group with the smallest median; None without one. The yardsticks take the better of one and two threads,
    of all variants and of all installed versions."""
    chosen = [row for row in rows if row["group"] == group
              and (variant is None or row["variant"] == variant)
              and (threads is None or row["threads"] == threads)]
    return min(chosen, key=lambda row: row["median"], default=None)


def ratio(row, yardstick):
    return row["median"] / yardstick["median"] if row and yardstick and yardstick["median"] > 0 else None


def used_one_core(row):
    """True when a figure of several threads did the work on one of them: its CPU equals its wall time."""
    return row["threads"] > 1 and row["cpu"] is not None and row["cpu"] < 1.1 * row["median"]


def number(value):
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def times(value):
    return "–" if value is None else f"{value:.2f}"


EXTRAS = (("requests_per_s", "requests/s", 1), ("p50_ns", "p50 µs", 1e-3), ("p99_ns", "p99 µs", 1e-3), ("p999_ns", "p99.9 µs", 1e-3))


def extras_table(rows):
    """What stands beside the figure: throughput and latencies. The header and the lines; None when there is none of it."""
    columns = [extra for extra in EXTRAS if any(extra[0] in row["extras"] for row in rows)]
    if not columns:
        return None
    header = ["system", *(title for _, title, _ in columns)]
    lines = []
    for row in rows:
        found = [row["extras"].get(key) for key, _, _ in columns]
        lines.append([label(row), *(number(statistics.median(values) * scale if values else None)
                                    for values, (_, _, scale) in zip(found, columns))])
    return header, lines


def label(row):
    return f"{row['system']} {row['variant']}, {row['threads']} thread{'s' if row['threads'] > 1 else ''}"


# ---- targets

def check_targets(report, targets):
    """For each mark: what was asked for, what was measured, and whether it holds (None: not measured)."""
    checked = []
    for target in targets["marks"]:
        for case_id in target["cases"]:
            rows = rows_of(report, case_id)
            for variant, yardstick in (("fibers", "go"), ("tasks", "tokio")):
                limit = target.get(f"{variant}_at_most")
                if limit is None:
                    continue
                own = best_of(rows, "sennit", variant)
                measured = ratio(own, best_of(rows, yardstick))
                of = yardstick
                if target.get("kind") == "absolute":
                    measured, of = (own["median"] if own else None), None
                checked.append({"case": case_id, "variant": variant, "of": of, "limit": limit, "measured": measured,
                                "holds": None if measured is None else measured <= limit})
    return checked


def targets_text(checked):
    lines = []
    for mark in checked:
        verdict = {None: "not measured", True: "holds", False: "MISSED"}[mark["holds"]]
        of = f"÷ {mark['of']}" if mark["of"] else ""
        lines.append(f"{verdict:12}  {mark['case']:36} {mark['variant']} {of:8} "
                     f"{number(mark['measured']):>8}  (at most {number(mark['limit'])})")
    held = sum(mark["holds"] is True for mark in checked)
    missed = sum(mark["holds"] is False for mark in checked)
    lines.append(f"{held} hold, {missed} are missed, {len(checked) - held - missed} were not measured")
    return "\n".join(lines)


# ---- wins and losses

def standing(report):
    """For each case that Sennit took part in: its best row, and the best row of all others."""
    found = []
    for case in report["cases"]:
        rows = rows_of(report, case["id"])
        own = best_of(rows, "sennit")
        others = [row for row in rows if row["group"] != "sennit"]
        if own and others:
            found.append({"case": case, "own": own, "other": others[0], "ratio": ratio(own, others[0])})
    return found


# ---- Markdown

def overview_lines(report):
    lines = ["| workload | unit | Sennit fibers | Sennit tasks | Go | tokio | best other | fibers ÷ Go | tasks ÷ tokio |",
             "| --- | --- | --: | --: | --: | --: | --- | --: | --: |"]
    for case in report["cases"]:
        rows = rows_of(report, case["id"])
        if not rows:
            continue
        fibers, tasks = best_of(rows, "sennit", "fibers"), best_of(rows, "sennit", "tasks")
        go, tokio = (best_of(rows, group) for group in YARDSTICKS)
        other = next((row for row in rows if row["group"] not in ("sennit", *YARDSTICKS)), None)
        median = lambda row: number(row["median"]) if row else "–"  # noqa: E731
        best = f"{median(other)} ({label(other)})" if other else "–"
        lines.append(f"| {case['title']} | {case['unit']} | {median(fibers)} | {median(tasks)} | {median(go)} | {median(tokio)} "
                     f"| {best} | {times(ratio(fibers, go))} | {times(ratio(tasks, tokio))} |")
    return lines


def losses_lines(report):
    lost = [s for s in standing(report) if s["ratio"] is not None and s["ratio"] > 1]
    won = [s for s in standing(report) if s["ratio"] is not None and s["ratio"] <= 1]
    lines = [f"Sennit's better flow is ahead of every other system in {len(won)} cases and behind the best one in {len(lost)}:", ""]
    for s in sorted(lost, key=lambda s: -s["ratio"]):
        lines.append(f"- {s['case']['title']}: {number(s['own']['median'])} against {number(s['other']['median'])} "
                     f"{s['case']['unit']} of {label(s['other'])}, {times(s['ratio'])} times.")
    return lines if standing(report) else ["Sennit took no part in this run."]


def details_lines(report):
    lines = []
    for case in report["cases"]:
        rows = rows_of(report, case["id"])
        if not rows:
            continue
        go, tokio = (best_of(rows, group) for group in YARDSTICKS)
        lines += ["", f"### {case['title']} ({case['unit']})", "",
                  "| system | variant | threads | median | min–max | CPU | ÷ Go | ÷ tokio |",
                  "| --- | --- | --: | --: | --: | --: | --: | --: |"]
        for row in rows:
            star = " ¹" if used_one_core(row) else ""
            lines.append(f"| {row['system']} | {row['variant']} | {row['threads']} | {number(row['median'])} | "
                         f"{number(row['min'])}–{number(row['max'])} | {number(row['cpu'])}{star} | "
                         f"{times(ratio(row, go))} | {times(ratio(row, tokio))} |")
        beside = extras_table(rows)
        if beside:
            header, found = beside
            lines += ["", "| " + " | ".join(header) + " |", "| --- |" + " --: |" * (len(header) - 1)]
            lines += ["| " + " | ".join(line) + " |" for line in found]
    return lines


def markdown(report):
    """What stands between the markers of docs/benchmarks.md."""
    machine = report["machine"]
    versions = "; ".join(f"{system}: " + ", ".join(f"{name} {version}" for name, version in sorted(found.items()))
                         for system, found in sorted(report["versions"].items()))
    lines = [f"Measured {report['date']} at {report['commit'][:12]}, {report['rounds']} round{'' if report['rounds'] == 1 else 's'}, on {machine['cpu']} with "
             f"{machine['cores']} cores, {machine['kernel']}. {versions}.", ""]
    if report["is_quick"]:
        lines += ["**A short run: it shows that everything works, not how fast it is.**", ""]
    lines += overview_lines(report) + [""] + losses_lines(report) + details_lines(report)
    lines += ["", "¹ CPU time equals wall time: one core did the work."]
    if report["skipped"]:
        lines += ["", "Not measured: " + "; ".join(report["skipped"]) + "."]
    return "\n".join(lines) + "\n"


def insert_between_markers(page, text):
    begin, end = page.find(MARKER_BEGIN), page.find(MARKER_END)
    if begin < 0 or end < begin:
        raise ValueError("the page has no place for the results: a line with " + MARKER_BEGIN + " and one with " + MARKER_END)
    return page[:begin + len(MARKER_BEGIN)] + "\n\n" + text + "\n" + page[end:]


# ---- HTML

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
.whisker { stroke: var(--ink); stroke-width: 1.2; } svg text.soft { fill: var(--soft); }
.key span { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; vertical-align: -1px; }
"""

WIDTH, LEFT, RIGHT, BAR = 980, 290, 250, 20


def colour_class(row):
    return row["group"] if row["group"] in ("sennit", *YARDSTICKS) else "other"


def bars(rows, unit):
    """One bar for each row, with a whisker from the smallest to the largest, the CPU beside it and the ratios."""
    largest = max(row["max"] for row in rows) or 1
    scale = (WIDTH - LEFT - RIGHT) / largest
    go, tokio = (best_of(rows, group) for group in YARDSTICKS)
    parts = [f'<svg viewBox="0 0 {WIDTH} {BAR * len(rows) + 18}" role="img">',
             f'<text class="soft" x="{LEFT}" y="11">{html.escape(unit)}</text>',
             f'<text class="soft" x="{WIDTH - RIGHT + 8}" y="11">median</text>',
             f'<text class="soft" x="{WIDTH - 170}" y="11">CPU</text>',
             f'<text class="soft" x="{WIDTH - 100}" y="11">÷ Go</text>',
             f'<text class="soft" x="{WIDTH - 48}" y="11">÷ tokio</text>']
    for i, row in enumerate(rows):
        y, text = 18 + i * BAR, 18 + i * BAR + 13
        low, high = LEFT + row["min"] * scale, LEFT + row["max"] * scale
        title = f"{label(row)}: {number(row['median'])} ({number(row['min'])}–{number(row['max'])}) {unit}"
        weight = ' font-weight="600"' if row["group"] == "sennit" else ""
        star = "¹" if used_one_core(row) else ""
        parts.append(
            f'<g><title>{html.escape(title)}</title>'
            f'<text x="{LEFT - 8}" y="{text}" text-anchor="end"{weight}>{html.escape(label(row))}</text>'
            f'<rect class="{colour_class(row)}" x="{LEFT}" y="{y + 3}" width="{max(row["median"] * scale, 1):.1f}" height="{BAR - 7}"/>'
            f'<line class="whisker" x1="{low:.1f}" x2="{high:.1f}" y1="{y + BAR / 2 - .5}" y2="{y + BAR / 2 - .5}"/>'
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


def page(report, checked):
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
                 'largest. ÷ Go and ÷ tokio: the best row of each on as many threads.')
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
