"""``python -m helpers run``, ``accept``, ``publish`` and ``pairs``. Exit codes: 0 it holds, 1 it does not,
2 refused before anything ran, 130 interrupted."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from helpers.tools.workbook import baselines, judge, presets, publish, report, runner
from helpers.tools.workbook.notebooks import FOLDER, Refused, discover, out_of_step, paired, select

ROOT = FOLDER.parent


def _guarded(work: object, *arguments: object) -> int:
    try:
        return work(*arguments)
    except Refused as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 2


def _run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", default="demo", help="smoke, demo (default) or paper")
    parser.add_argument("--jobs", type=int, help="notebooks at once (default: one per core, at most 4; paper: 1)")
    parser.add_argument("--timeout", type=float, help="seconds a cell may take (default: by preset)")
    parser.add_argument("--notebooks", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    parser.add_argument("--baselines", type=Path, default=baselines.FOLDER, help=argparse.SUPPRESS)


def run(arguments: list[str] | None = None) -> int:
    """The command ``run``: execute notebooks, judge them, write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers run",
        description="Execute the notebooks headlessly, judge their numbers, write a report.",
        epilog="Exit code: 0 everything holds, 1 something does not, 2 refused, 130 interrupted.",
    )
    _run_options(parser)
    parser.add_argument("--out", type=Path, help="fresh folder for the results (default: runs/PRESET-TIME)")
    parser.add_argument("--only", action="append", default=[], metavar="NN", help="this notebook (or 1,2; repeatable)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a parameter, in each notebook that has it",
    )
    return _guarded(_run, parser.parse_args(arguments))


def _settings(texts: list[str]) -> dict[str, str]:
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise Refused(f"--set {text!r}: write --set name=value")
        settings[name] = value
    return settings


def _run(options: argparse.Namespace) -> int:
    settings = _settings(options.set)
    every = discover(options.notebooks)
    if not every:
        raise Refused(f"there are no notebooks in {options.notebooks}")
    chosen = select(every, [word for text in options.only for word in text.split(",")])
    summary, out = execute(chosen, every, options, settings, options.out)
    return conclude(summary, out)


def execute(
    chosen: list, every: list, options: argparse.Namespace, settings: dict[str, str], out: Path | None
) -> tuple[dict, Path]:
    """Run notebooks as the options say and write the report; returns the summary and its folder."""
    paired(chosen)
    named = presets.read(options.notebooks)
    wanted = presets.resolve(chosen, every, options.preset, settings, named)
    runner.in_step(chosen)
    jobs = options.jobs if options.jobs is not None else presets.jobs(options.preset)
    timeout = options.timeout or presets.CELL_SECONDS[options.preset]
    if jobs < 1 or timeout <= 0:
        raise Refused("--jobs and --timeout must be positive")
    started = datetime.now(UTC)
    out = runner.fresh(out or ROOT / "runs" / f"{options.preset}-{started:%Y%m%d-%H%M%S}")
    print(f"{len(chosen)} notebooks, preset {options.preset}, into {_relative(out)}", file=sys.stderr)
    clock = time.monotonic()
    outcomes, interrupted = runner.run(chosen, wanted, out, jobs, timeout, named.alone)
    baseline = baselines.read(options.preset, options.baselines)
    entries = [judge.judge(outcome, out, baseline.get(outcome.name)) for outcome in outcomes]
    summary = judge.summarise(
        entries,
        out,
        preset=options.preset,
        settings=settings,
        command=shlex.join(["python", "-m", "helpers", *sys.argv[1:]]),
        jobs=jobs,
        started=started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 1),
        interrupted=interrupted,
    )
    report.write(summary, out)
    return summary, out


def _relative(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def conclude(summary: dict, out: Path) -> int:
    """Say how a run ended and where it lies; returns the exit code."""
    counts = summary["counts"]
    lines = list(judge.failures(summary))
    if lines:
        print("\n" + "\n".join(lines))
    checks = f"{counts['checks'] - counts['checks failed']}/{counts['checks']} checks"
    tracked = counts["holds"] + counts["moved"] + counts["gone"]
    numbers = f"{counts['holds']}/{tracked} numbers at their baseline" if tracked else "no baseline compared"
    word = {"holds": "Everything holds", "fails": "It does not hold", "interrupted": "Interrupted"}
    print(
        f"\n{word[summary['verdict']]}: {counts['passed']}/{counts['notebooks']} notebooks passed, {checks}, "
        f"{numbers}, {report.seconds(summary['seconds'])}."
    )
    if summary["interrupted"]:
        print("What was finished before the interruption is kept.")
    print(f"Report: {_relative(out) / 'index.html'}")
    if summary["interrupted"]:
        return 130
    return 0 if summary["verdict"] == "holds" else 1


def accept(arguments: list[str] | None = None) -> int:
    """The command ``accept``: make a run's numbers the baseline, and print what moved."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers accept",
        description="Make a run's numbers the baseline of its preset, and print what moved.",
    )
    _run_options(parser)
    parser.add_argument("run", type=Path, nargs="?", help="a finished run (default: execute the preset now)")
    parser.add_argument(
        "--spread", type=Path, action="append", default=[], metavar="RUN",
        help="a run made elsewhere or otherwise: its difference sets the tolerances (repeatable)",
    )  # fmt: skip
    ways = ", ".join(baselines.VARIATIONS)
    parser.add_argument("--measure", action="store_true", help=f"set the tolerances from runs with: {ways}")
    return _guarded(_accept, parser.parse_args(arguments))


def _summary(run: Path) -> dict:
    import json

    path = run / "summary.json"
    if not path.exists():
        raise Refused(f"{run} is not the folder of a finished run: it has no summary.json")
    return json.loads(path.read_text(encoding="utf-8"))


def _accept(options: argparse.Namespace) -> int:
    every = discover(options.notebooks)
    if options.run:
        summary, out = _summary(options.run), options.run
    else:
        summary, out = execute(every, every, options, {}, None)
    preset = summary["preset"]
    faulty = [entry for entry in summary["notebooks"] if entry["fault"]]
    if faulty or summary["settings"]:
        print("\n".join(judge.failures({"notebooks": faulty})))
        why = "it failed" if faulty else "it ran with --set"
        raise Refused(f"{_relative(out)} cannot be a baseline: {why}")
    others = {f"{_label(folder)} ({folder.name})": judge.records(folder) for folder in options.spread}
    for label, environment in baselines.VARIATIONS.items() if options.measure else ():
        others[label] = _variation(every, options, label, environment)
    before = baselines.read(preset, options.baselines)
    names = {notebook.name for notebook in every}
    kept = {name: entry for name, entry in before.items() if name in names}
    after = {**kept, **baselines.accepted(judge.records(out), before, others)}
    file = baselines.write(preset, after, summary["provenance"], options.baselines)
    report.write(judge.renew(summary, out, after), out)  # green now, and so can be published
    changes = baselines.moves(before, after)
    print("\n".join(changes) if changes else "Nothing moved.")
    print(f"Baseline: {_relative(file)}")
    return 0


def _label(folder: Path) -> str:
    made = _summary(folder)["provenance"]
    return f"{made['device']}, torch {made['packages']['torch']}"


def _variation(every: list, options: argparse.Namespace, label: str, environment: dict[str, str]) -> dict:
    """The records of a run under other environment variables."""
    print(f"Measuring: {label}", file=sys.stderr)
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        out = ROOT / "runs" / f"{options.preset}-{label.replace(' ', '-')}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        _, out = execute(every, every, options, {}, out)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return judge.records(out)


def publish_run(arguments: list[str] | None = None) -> int:
    """The command ``publish``: outputs into the notebooks, figures and gallery into ``figures/``."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers publish",
        description="Put a demo run's outputs into the notebooks, its figures and a gallery into figures/.",
    )
    _run_options(parser)
    parser.add_argument("run", type=Path, nargs="?", help="a finished demo run (default: execute it now)")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures", help=argparse.SUPPRESS)
    return _guarded(_publish, parser.parse_args(arguments))


def _publish(options: argparse.Namespace) -> int:
    every = discover(options.notebooks)
    if options.preset != "demo":
        raise Refused(f"only the preset demo is published, not {options.preset!r}")
    out = options.run
    if out is None:
        summary, out = execute(every, every, options, {}, None)
        if conclude(summary, out):
            print("Not published.")
            return 1
    paired(every)
    runner.in_step(every)
    _summary(out)
    written = publish.publish(out, every, options.figures)
    print("\n".join(written) if written else "Nothing changed.")
    return 0


def pairs(arguments: list[str] | None = None) -> int:
    """The command ``pairs``: whether every .ipynb is in step with its .py."""
    parser = argparse.ArgumentParser(prog="python -m helpers pairs", description="Check every .ipynb against its .py.")
    parser.add_argument("--notebooks", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    return _guarded(_pairs, parser.parse_args(arguments))


def _pairs(options: argparse.Namespace) -> int:
    every = discover(options.notebooks)
    paired(every)
    wrong = [(n.path.name, why) for n in every if (why := out_of_step(n))]
    for name, why in wrong:
        print(f"{name}: {why}")
    if wrong:
        print("Run `make pair`.")
    return int(bool(wrong))
