"""``python -m helpers run``, ``accept``, ``publish`` and ``pairs``.

Exit codes: 0 it holds, 1 it does not, 2 refused before anything ran, 130 interrupted.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from helpers.records import VERDICTS
from helpers.tools import commandline
from helpers.tools.workbook import baselines, formats, judge, ledger, presets, publish, report, runner
from helpers.tools.workbook.notebooks import FOLDER, Refused, discover, out_of_step, require_in_step, select

ROOT = FOLDER.parent


def _run_options(parser: argparse.ArgumentParser) -> None:
    """The options of every command that may execute the notebooks."""
    parser.add_argument("--jobs", type=int, help="notebooks at once (default: one per core, at most 4; paper: 1)")
    parser.add_argument("--timeout", type=int, help="whole seconds a cell may take (default: by preset)")
    parser.add_argument("--notebooks", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    parser.add_argument("--baselines", type=Path, default=baselines.FOLDER, help=argparse.SUPPRESS)


def _preset_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", default="demo", help="smoke, demo (default) or paper")


def run(arguments: list[str] | None = None) -> int:
    """The command ``run``: execute notebooks, judge them, write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers run",
        description="Execute the notebooks headlessly, judge their numbers, write a report.",
        epilog="Exit code: 0 everything holds, 1 something does not, 2 refused, 130 interrupted.",
    )
    _preset_option(parser)
    _run_options(parser)
    parser.add_argument("--out", type=Path, help="fresh folder for the results (default: runs/PRESET-TIME)")
    parser.add_argument("--only", action="append", default=[], metavar="NN", help="this notebook (or 1,2; repeatable)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter, in each notebook that has it"
    )
    parser.add_argument(
        "--perturb", type=int, default=0, metavar="DRAW",
        help="add noise to the features, more than machines differ by; every whole number is another draw",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    return commandline.guarded("run", lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    settings = commandline.settings(options.set)
    only = [word for text in options.only for word in text.split(",")]
    return conclude(*_execute(options, only=only, settings=settings, out=options.out, perturb=options.perturb))


def _execute(
    options: argparse.Namespace,
    *,
    only: list[str] = (),
    settings: dict[str, str] | None = None,
    out: Path | None = None,
    perturb: int = 0,
) -> tuple[dict, Path]:
    """Run notebooks, all unless ``only`` names some, and write the report; returns the summary and its folder."""
    every, settings = discover(options.notebooks), settings or {}
    chosen, named = select(every, only), presets.read(options.notebooks)
    require_in_step(chosen)
    wanted = presets.resolve(chosen, every=every, preset=options.preset, settings=settings, presets=named)
    baseline = baselines.read(options.preset, folder=options.baselines)
    jobs = options.jobs if options.jobs is not None else presets.jobs(options.preset)
    timeout = options.timeout if options.timeout is not None else presets.CELL_SECONDS[options.preset]
    if jobs < 1 or timeout < 1:
        raise Refused(f"--jobs {jobs} and --timeout {timeout} must be positive")
    started = datetime.now(UTC)
    out = runner.fresh(out or ROOT / "runs" / f"{options.preset}-{started:%Y%m%d-%H%M%S}")
    how = f"preset {options.preset}" + (f", features perturbed, draw {perturb}" if perturb else "")
    print(f"{len(chosen)} notebooks, {how}, into {_relative(out)}", file=sys.stderr)
    with runner.listening() as heard:  # until the report is written
        clock = time.monotonic()
        outcomes, interrupted = runner.run(
            chosen, wanted, out=out, jobs=jobs, timeout=timeout, heard=heard, alone=named.alone, perturb=perturb
        )
        entries = [judge.judge(outcome, out=out, baseline=baseline.get(outcome.name)) for outcome in outcomes]
        for entry in entries:
            entry["budget"] = named.budget.get(entry["name"]) if options.preset == "demo" else None
        summary = judge.summarise(
            entries,
            out=out,
            preset=options.preset,
            settings=settings,
            perturb=perturb,
            command=shlex.join(["python", "-m", "helpers", *sys.argv[1:]]),
            jobs=jobs,
            started=started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 1),
            interrupted=interrupted,
        )
        report.write(summary, out=out)
    return summary, out


def _relative(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def conclude(summary: dict, out: Path) -> int:
    """Say how a run ended and where its report is; returns the exit code."""
    counts = summary["counts"]
    if lines := list(judge.failures(summary)):
        print("\n" + "\n".join(lines))
    checks = f"{counts['checks'] - counts['checks failed']}/{counts['checks']} checks"
    tracked = counts["holds"] + counts["moved"] + counts["gone"]
    numbers = f"{counts['holds']}/{tracked} numbers at their baseline" if tracked else "no baseline compared"
    claims = [f"{counts[f'claims: {each}']} {each}" for each in VERDICTS if counts[f"claims: {each}"]]
    claims = f"{counts['claims']} claims ({', '.join(claims)}), " if claims else ""
    word = {"holds": "Everything holds", "fails": "It does not hold", "interrupted": "Interrupted"}
    print(
        f"\n{word[summary['verdict']]}: {counts['passed']}/{counts['notebooks']} notebooks passed, {checks}, "
        f"{claims}{numbers}, {report.seconds(summary['seconds'])}."
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
    _preset_option(parser)
    _run_options(parser)
    parser.add_argument("run", type=Path, nargs="?", help="a finished run (default: execute the preset now)")
    parser.add_argument(
        "--spread", type=Path, action="append", default=[], metavar="RUN",
        help="a run made on another machine, or with --perturb: its changes widen the tolerances (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--measure", action="store_true",
        help="measure the tolerances: run the preset again with the features perturbed, and up to "
        f"{baselines.DRAWS} times the notebooks with numbers that this moves",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    return commandline.guarded("accept", lambda: _accept(options))


def _summary(run: Path) -> dict:
    if not (run / "summary.json").exists():
        raise Refused(f"{run} is not the folder of a finished run: it has no summary.json")
    return formats.read(run / "summary.json", "summary")


def _accept(options: argparse.Namespace) -> int:
    names = {notebook.name for notebook in discover(options.notebooks)}
    summary, out = (_summary(options.run), options.run.resolve()) if options.run else _execute(options)
    options.preset = preset = summary["preset"]
    faulty = [entry for entry in summary["notebooks"] if entry["fault"]]
    if faulty or summary["settings"] or summary.get("perturb"):
        print("\n".join(judge.failures({"notebooks": faulty})))
        why = "it failed" if faulty else "it ran with --set or --perturb"
        raise Refused(f"{_relative(out)} cannot be a baseline: {why}")
    records = judge.records(out)
    if lost := [entry["name"] for entry in summary["notebooks"] if entry["name"] not in records]:
        raise Refused(f"{_relative(out)} has no records of {', '.join(lost)}: run it again")
    draws, spread = [], []
    for folder in options.spread:
        (draws if _summary(folder).get("perturb") else spread).append(judge.records(folder))
    before = baselines.read(preset, folder=options.baselines)
    kept = {name: entry for name, entry in before.items() if name in names}
    waiting = list(records) if options.measure else []
    for draw in range(1, baselines.DRAWS + 1):
        if waiting:
            folder = out.with_name(f"{out.name}-draw{draw}")
            drawn, folder = _execute(options, only=waiting, out=folder, perturb=draw)
            if drawn["interrupted"]:
                raise KeyboardInterrupt
            draws.append(judge.records(folder))
        after = {**kept, **baselines.accepted(records, before, draws=draws, spread=spread)}
        waiting = [name for name in waiting if not all(map(baselines.settled, after[name]["numbers"].values()))]
    file = baselines.write(preset, after, made=summary["provenance"], folder=options.baselines)
    report.write(judge.renew(summary, out=out, baseline=after), out=out)  # green now, so it can be published
    changes = [*baselines.moves(before, after), *ledger.moves(before, after)]
    print("\n".join(changes) if changes else "Nothing moved.")
    if open_claims := ledger.unsettled(after):
        print("\n".join(["Claims that do not hold, or are undecided:", *open_claims]))
    print(f"Baseline: {_relative(file)}")
    return 0


def publish_run(arguments: list[str] | None = None) -> int:
    """The command ``publish``: outputs into the notebooks, figures and gallery into ``figures/``."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers publish",
        description="Put a demo run's outputs into the notebooks, and its figures and a gallery into figures/.",
    )
    _run_options(parser)
    parser.add_argument("run", type=Path, nargs="?", help="a finished demo run (default: execute it now)")
    parser.add_argument("--figures", type=Path, default=ROOT / "figures", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments, argparse.Namespace(preset="demo"))
    return commandline.guarded("publish", lambda: _publish(options))


def _publish(options: argparse.Namespace) -> int:
    every = discover(options.notebooks)
    require_in_step(every)
    if options.run:
        summary, out = _summary(options.run), options.run
    else:
        summary, out = _execute(options)
        if conclude(summary, out):
            print("Not published.")
            return 1
    written = publish.publish(out, every, summary=summary, figures=options.figures)
    print("\n".join(written) if written else "Nothing changed.")
    return 0


def pairs(arguments: list[str] | None = None) -> int:
    """The command ``pairs``: whether every .ipynb is in step with its .py."""
    parser = argparse.ArgumentParser(prog="python -m helpers pairs", description="Check every .ipynb against its .py.")
    parser.add_argument("--notebooks", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    return commandline.guarded("pairs", lambda: _pairs(options))


def _pairs(options: argparse.Namespace) -> int:
    wrong = [f"{each.name}: {why}" for each in discover(options.notebooks) if (why := out_of_step(each))]
    if wrong:
        print("\n".join([*wrong, "Run `make pair`."]))
    return int(bool(wrong))
