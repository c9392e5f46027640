#!/usr/bin/env python3
"""Credit and supply beside others, in one run: the ledger in memory beside Python's Decimal, durable credits beside a
bare C program with the same SQLite transaction, a thousand units' supply decisions, and the soak.

Usage: run.py [--rounds 5] [--folder DIR for the journals] [--no-soak] [--unit-days 1000000]

Programs take turns, round after round; the table gives medians. Ledgers and ticks are counted in CPU time. Both
ledgers must come to the same registers. METERSIDE_PRODUCTS names a folder with a release build of meterside-sim."""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = HERE / ".build"
OURS = BUILD / "release/credit-speed"


def sh(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def numbers(*command):
    text = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(word) for word in text.split()]


def median(rows, column):
    return statistics.median(row[column] for row in rows)


def prepare():
    sh("swift", "build", "-c", "release", "--package-path", HERE, "--static-swift-stdlib")
    sh("cc", "-O2", "-Wall", "-Wextra", "-o", BUILD / "commits", HERE / "commits.c", "-lsqlite3")


def ledger(rounds):
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(numbers(OURS, "ledger", 96000))
        theirs.append(numbers(sys.executable, HERE / "ledger.py", 96000))
    assert ours[0][1:] == theirs[0][1:], (ours[0], theirs[0])
    mine, other = median(ours, 0), median(theirs, 0)
    print(f"a half hour in memory: {mine:.0f} ns; Python and Decimal {other:.0f} ns: {other / mine:.1f}x (goal 30x)")


def tick(rounds):
    rows = [numbers(OURS, "tick", 1000) for _ in range(rounds)]
    print(f"a thousand units decide supply: {median(rows, 0):.3f} ms, 99 % within {median(rows, 1):.3f} ms (goal 10 ms)")


def commits(rounds, folder):
    for group, credits in ((1, 3000), (100, 60000)):
        ours, theirs = [], []
        for number in range(rounds):
            for program, rows in (([OURS, "commit"], ours), ([BUILD / "commits"], theirs)):
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    rows.append(numbers(*program, credits, group, f"{place}/journal.db"))
        rate, cpu = median(ours, 0) / median(theirs, 0), median(ours, 1) / median(theirs, 1)
        print(
            f"durable credits, {group} a transaction: {median(ours, 0):.0f} a second, bare C {median(theirs, 0):.0f}:"
            f" {rate:.2f}x (goal {0.9 if group == 1 else 0.8}x); CPU {median(ours, 1) * 1e6:.0f} us,"
            f" {cpu:.2f}x of {median(theirs, 1) * 1e6:.0f} us (goal 1.2x for one)")


def soak(days):
    products = pathlib.Path(os.environ.get("METERSIDE_PRODUCTS", ROOT / ".build/release"))
    if not (products / "meterside-sim").exists():
        return print(f"soak: no meterside-sim in {products}; build it, or set METERSIDE_PRODUCTS")
    report = BUILD / "peak"
    for part in (days // 10, days):
        began = time.monotonic()
        command = [str(products / "meterside-sim"), "soak", "--unit-days", str(part), "--seed", "1", "--json"]
        timed = ["time", "-f", "%M %U", "-o", str(report)] if shutil.which("time") else []
        result = json.loads(subprocess.run(timed + command, check=True, stdout=subprocess.PIPE).stdout)
        seconds = time.monotonic() - began
        peak, cpu = (report.read_text().split() if timed else ["0", "0"])[-2:]
        print(
            f"soak: {part} unit-days in {seconds:.1f} s ({float(cpu):.1f} s of CPU, peak {int(peak) / 1000:.1f} MB),"
            f" {result['records']} records, digest {result['digest']} (goal 1000000 in 60 s)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", default=None, help="on the disk to be measured")
    parser.add_argument("--no-soak", action="store_true")
    parser.add_argument("--unit-days", type=int, default=1_000_000)
    options = parser.parse_args()
    prepare()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    ledger(options.rounds)
    tick(options.rounds)
    commits(options.rounds, options.folder)
    if not options.no_soak:
        soak(options.unit_days)


if __name__ == "__main__":
    main()
