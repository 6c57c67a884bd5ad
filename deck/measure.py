"""Every figure of the deck, out of one real run: its releases, drills, audit, model and timings."""

from __future__ import annotations

import math
import os
import platform
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.measure import median
from benchmarks.run import Round, one_round
from deck import drills, queries
from deck.runs import Runs
from lakehouse import Lakehouse, __version__
from lakehouse.generate import generate

# The full files, as their owner counts them; the sample holds three customers in ten of them.
FULL_FILES = {
    "rows": {"clickstream": 215376, "attributes": 12500, "financials": 12500, "loan_daily": 137500},
    "default_rate": 0.288,
    "no_clickstream": 0.28,
}
REPLAYED = ("2023-12", "2024-06", "2024-07")  # what is known at the first releases
ONE_MONTH = "2024-07"
FULL_CUSTOMERS = FULL_FILES["rows"]["attributes"]
Z = 1.96  # of a 95 % interval


def measure(data: Path, datamart: Path, sample: bool) -> dict[str, Any]:
    """Run everything the deck tells of, on these raw files, into a new datamart."""
    runs = Runs(datamart)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        history = _history(runs, data)
        training_set = runs.ask("training-set", "--out", str(work / "first.parquet"))
        facts = {
            "history": history,
            "audit": _audit(runs),
            "model": _model(runs, work),
            "correction": _correction(runs, data, work, training_set),
            "quality": {"delivered": history.pop("last"), **_damage(runs, data, work)},
            "kill": _kill(data, work, training_set),
        }
        releases = runs.ask("releases")
        facts["releases"] = [_release(each) for each in releases]
        facts["status"] = runs.ask("status")
        facts["receipt"] = _receipt(training_set)
    delivered = len(REPLAYED) + 1
    lake = Lakehouse(datamart)
    facts |= _queried(lake.at(release=delivered))
    return {"run": _run(releases[-1], delivered, runs, sample), **_trimmed(facts)}


def timings(data: Path, repeat: int) -> dict[str, Any]:
    """Wall and CPU seconds and peak memory of the jobs that users wait for; medians."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        generate(work / "files", FULL_CUSTOMERS, 24, 7)
        sizes = {"these files": data, "full size": work / "files"}
        taken = {
            size: [one_round(raw, work / size) for _ in range(repeat)]
            for size, raw in sizes.items()
        }
    return {
        "repeat": repeat,
        "full_customers": FULL_CUSTOMERS,
        "load": os.getloadavg()[0],
        **{size: _medians(rounds) for size, rounds in taken.items()},
    }


def _medians(rounds: list[Round]) -> dict[str, Any]:
    found = {}
    for job, pipeline in rounds[0]:
        cost = median([each[job, pipeline] for each in rounds])
        found[job] = {
            "wall_s": cost.wall_seconds,
            "cpu_s": cost.cpu_seconds,
            "peak_mib": cost.peak_mib,
        }
    return found


def _history(runs: Runs, data: Path) -> dict[str, Any]:
    """Releases as the bank would have had them, then all that is delivered, then nothing new."""
    reports = [runs.ask("run", "--through", month, data=data) for month in REPLAYED]
    last = runs.ask("run", data=data)
    before = runs.versions()
    again = runs.ask("run", data=data)
    month = reports[REPLAYED.index(ONE_MONTH)]
    return {
        "month": {"name": ONE_MONTH, **_merged(month)},
        "last": _accounted(last),
        "again": {
            "published": len(again["published"]),
            "tables_changed": _changes(before, runs.versions()),
        },
    }


def _merged(report: dict[str, Any]) -> dict[str, Any]:
    """Rows that a run merged, table by table."""
    changed = {row["table"]: row["changed"] for row in report["tables"]}
    return {"release": report["release"], "changed": changed, "rows": sum(changed.values())}


def _accounted(report: dict[str, Any]) -> dict[str, Any]:
    """The numbers of raw rows of a run by fate."""
    names = ("rows_in", "accepted", "quarantined", "equal_duplicates")
    read = [row for row in report["tables"] if row["rows_in"] is not None]
    return {
        "tables": [{"table": row["table"], **{n: row[n] for n in names}} for row in read],
        **{name: sum(row[name] for row in read) for name in names},
    }


def _changes(before: dict[str, int], after: dict[str, int]) -> int:
    return sum(after[name] != version for name, version in before.items())


def _audit(runs: Runs) -> dict[str, Any]:
    checks = runs.ask("audit")
    return {
        "checks": [
            {"name": c["name"], "looked_at": c["looked_at"], "findings": len(c["findings"])}
            for c in checks
        ],
        "count": len(checks),
        "findings": sum(len(check["findings"]) for check in checks),
        "seconds": sum(check["seconds"] for check in checks),
    }


def _model(runs: Runs, work: Path) -> dict[str, Any]:
    found = runs.ask("model", "--out", str(work / "model_report"))
    evidence = found["evidence"]
    best, *others = evidence["models"]
    return {
        "verdict": found["verdict"]["kind"],
        "leak_auc": evidence["leak_auc"],
        "name": best["name"],
        "setting": best["setting"],
        "models": [
            {"name": each["name"], "setting": each["setting"], **each["test"]["auc"]}
            for each in (best, *others, evidence["best_feature"])
        ],
        "gain": evidence["gain"],
        "predicted": best["test"]["predicted"]["value"],
        "observed": best["test"]["observed"],
        "months": [
            {"month": m["month"], "part": m["part"], **m["metrics"]["auc"]}
            for m in best["by_month"]
        ],
        "coverage": evidence["coverage"],
        "parts": [
            {k: p[k] for k in ("name", "loans", "defaults")}
            | {"first": p["months"][0], "last": p["months"][-1]}
            for p in found["parts"]
        ],
        "importance": found["importance"]["features"][:3],
        "features": len(found["importance"]["features"]),
        "draws": found["method"]["bootstrap_draws"],
        **_policy(best["test"]["calibration"]),
    }


def _policy(tenths: list[dict[str, Any]]) -> dict[str, Any]:
    """Default rate by tenth of the score, and what declining the riskiest tenths would leave."""
    bins = [
        {
            "loans": each["loans"],
            "defaults": round(each["observed"]["value"] * each["loans"]),
            "rate": each["observed"]["value"],
            "predicted": each["predicted"]["value"],
        }
        for each in tenths
    ]
    return {"tenths": bins, "declined": [_declined(bins, n) for n in range(len(bins))]}


def _declined(bins: list[dict[str, Any]], n: int) -> dict[str, Any]:
    kept, refused = bins[: len(bins) - n], bins[len(bins) - n :]
    loans, bad = (sum(each[what] for each in kept) for what in ("loans", "defaults"))
    stopped = sum(each["defaults"] for each in refused)
    declined = sum(each["loans"] for each in refused)
    low, high = wilson(bad, loans)
    return {
        "tenths": n,
        "approved": loans,
        "approved_share": loans / (loans + declined),
        "rate": bad / loans,
        "low": low,
        "high": high,
        "declined": declined,
        "defaults_stopped": stopped,
        "stopped_share": stopped / (stopped + bad),
        "good_declined": declined - stopped,
        # Declining the last of these tenths pays where a default costs more good loans' profit than this.
        "break_even": _odds(refused[0]) if refused else None,
    }


def _odds(tenth: dict[str, Any]) -> float | None:
    """Good loans to a default."""
    bad = tenth["defaults"]
    return (tenth["loans"] - bad) / bad if bad else None


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson)."""
    share, z2 = hits / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return middle - half, middle + half


def _correction(runs: Runs, data: Path, work: Path, training_set: dict[str, Any]) -> dict[str, Any]:
    """A corrected click file arrives late: what is merged, and what a training set sees of it."""
    corrected = drills.copied(data, work / "corrected")
    rows = drills.correct(corrected)
    report = runs.ask("run", data=corrected)
    known = report["release"]
    differ = runs.ask("diff", str(known - 1), str(known))
    newer = runs.ask("training-set", "--out", str(work / "second.parquet"))
    again = runs.ask("training-set", "--reproduce", training_set["training_set_id"])
    return {
        "month": drills.CORRECTED_MONTH,
        "corrected": rows,
        "every": drills.EVERY,
        "months": runs.ask("releases")[-1]["months"],
        "diff": differ,
        **_merged(report),
        "loans": newer["row_count"],
        "new_hash": newer["content_hash"][:12],
        "same_again": again["content_hash"] == training_set["content_hash"],
        "loans_changed": queries.changed_loans(work / "first.parquet", work / "second.parquet"),
    }


def _damage(runs: Runs, data: Path, work: Path) -> dict[str, Any]:
    """A delivery with planted damage is taken in part, a ruined one not at all."""
    damaged = drills.copied(work / "corrected", work / "damaged")
    planted = drills.damage(damaged)
    report = runs.ask("run", data=damaged)
    gold = sum(r["changed"] for r in report["tables"] if not r["table"].startswith("bronze."))
    before = runs.versions()
    ruined = drills.copied(work / "corrected", work / "ruined")
    share = drills.ruin(ruined)
    runs.ask("run", data=ruined, code=2)
    return {
        "planted": planted,
        "damaged": _accounted(report),
        "changed_beyond_bronze": gold,
        "refused": {"share": share, "tables_changed": _changes(before, runs.versions())},
    }


def _kill(data: Path, work: Path, training_set: dict[str, Any]) -> dict[str, Any]:
    """A full build killed half way, started again: is it the same in the end?"""
    runs = Runs(work / "killed")
    runs.kill_half_way(data)
    written = sum(row["rows"] > 0 for row in runs.ask("status"))
    released = len(runs.ask("releases"))
    report = runs.ask("run", data=data)
    rebuilt = runs.ask("training-set", "--out", str(work / "killed.parquet"))
    return {
        "tables_written": written,
        "releases_then": released,
        "rows_after": _merged(report)["rows"],
        "releases_after": len(runs.ask("releases")),
        "hash": rebuilt["content_hash"][:12],
        "same_content": rebuilt["content_hash"] == training_set["content_hash"],
    }


def _release(row: dict[str, Any]) -> dict[str, Any]:
    rows = row["row_counts"]
    return {
        "release": row["release"],
        "through": row["through"],
        "months": row["months"],
        "labels": rows["gold.label_store"],
        "features": sum(n for name, n in rows.items() if name.startswith("gold.features")),
        "rows": sum(rows.values()),
    }


def _receipt(training_set: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": training_set["training_set_id"],
        "release": training_set["release"],
        "rows": training_set["row_count"],
        "left_out": sum(training_set["left_out"].values()),
        "hash": training_set["content_hash"][:12],
    }


def _queried(lake: Lakehouse) -> dict[str, Any]:
    tables = queries.catalogue()
    groups = [each for each in tables if each["features"]]
    loans = lake.training_set(keep_receipt=False)
    return {
        "sources": queries.sources(lake),
        "dirt": queries.dirt(lake),
        "coverage": queries.coverage(loans),
        "labels": queries.labels(lake),
        "example": queries.example_loan(lake),
        "catalogue": tables,
        "features": sum(each["features"] for each in groups),
        "windows": queries.windows(),
    }


def _run(newest: dict[str, Any], delivered: int, runs: Runs, sample: bool) -> dict[str, Any]:
    return {
        "release": delivered,
        "newest_release": newest["release"],
        "date": newest["finished_at"][:10],
        "finished_at": newest["finished_at"],
        "sample": sample,
        "full_files": FULL_FILES if sample else None,
        "version": __version__,
        "code_fingerprint": newest["code_fingerprint"],
        "engine": newest["engine"],
        "cores": os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in ("pysail", "deltalake", "pyspark")},
        "commands": list(dict.fromkeys(runs.commands)),
    }


def _trimmed(facts: Any) -> Any:
    """Doubles to six places: no figure is shown to more, and a file is easier to compare."""
    if isinstance(facts, float):
        return round(facts, 6)
    if isinstance(facts, dict):
        return {key: _trimmed(value) for key, value in facts.items()}
    return [_trimmed(each) for each in facts] if isinstance(facts, list) else facts
