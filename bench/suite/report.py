"""Statistics, marks and the table of the comparison suite: what becomes of the repetitions that run.py collected.

A report is a dictionary: `machine`, `versions`, `commit`, `date`, `rounds`, `reps`, `is_quick`, `skipped`, `cases`, `missing` (the
names of the cases that a run that was stopped has not measured) and `rows`. A row is one system with one variant and one number of threads
on one case: `case`, `system`, `group` (all versions of Go are the group go), `variant`, `threads`, and two lists, `values` and `cpus`, in
the case's unit. Lower is better in every unit.
"""

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
