#!/usr/bin/env python3
"""Throughput of the NEM12 reader, rater and writer against others, in one run. See README of the checkout.

Usage: run.py [--nmis 100] [--days 365] [--rounds 7] [--no-peers]

Everything runs on one core in turn, round after round; the table gives medians and the spread of CPU time (user and
system), which is what an idle machine's clock would show and does not grow when others use the machine. Times of the
compiled programs are those of whole processes, times of the Python ones are taken after their imports. Results must be
equal."""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE / ".build"
PEERS = ["numpy", "duckdb", "polars", "nemreader"]
# nemreader keeps every reading as Python objects: it gets a tenth of the file, and its time is multiplied.
NEMREADER_SHARE = 10


def sh(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def measure(command):
    """CPU seconds and output of a process."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"failed: {command}")
    return usage.ru_utime + usage.ru_stime, output.strip()


def peak(command):
    """Peak kilobytes. GNU time starts the program: a child of this Python would count Python's own pages."""
    if not shutil.which("time"):
        return 0
    report = BUILD / "peak"
    subprocess.run(
        ["time", "-f", "%M", "-o", str(report)] + [str(part) for part in command], stdout=subprocess.DEVNULL)
    return int(report.read_text().split()[-1])


def prepare(options):
    BUILD.mkdir(exist_ok=True)
    sh("swift", "build", "-c", "release", "--package-path", HERE, "--static-swift-stdlib")
    sh("cc", "-O3", "-o", BUILD / "plain", HERE / "plain.c")
    python = BUILD / "venv/bin/python"
    if not options.no_peers and not python.exists():
        sh(sys.executable, "-m", "venv", BUILD / "venv")
        sh(python, "-m", "pip", "install", "-q", "numpy", "duckdb", "polars", "nemreader==0.9.2")
    file = BUILD / f"{options.nmis}x{options.days}.csv"
    small = BUILD / f"{options.nmis // NEMREADER_SHARE}x{options.days}.csv"
    for path, nmis in ((file, options.nmis), (small, options.nmis // NEMREADER_SHARE)):
        if not path.exists():
            sh(sys.executable, HERE / "generate.py", path, nmis, options.days)
    return python, file, small


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nmis", type=int, default=100)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    # One core for all: children inherit it.
    build_cores = os.sched_getaffinity(0)
    python, file, small = prepare(options)
    os.sched_setaffinity(0, {max(build_cores)})
    ours = BUILD / "release/nem12-throughput"
    commands = {
        "plain C, no validation": [BUILD / "plain", file],
        "Meterside": [ours, file],
        "Meterside, parse only": [ours, file, "parse"],
        "Meterside, read and write": [ours, file, "write"],
    }
    for peer in [] if options.no_peers else PEERS:
        commands[peer] = [python, HERE / "peers.py", peer, small if peer == "nemreader" else file]
    times = {name: [] for name in commands}
    results = {}
    for number in range(options.rounds):
        for name, command in commands.items():
            is_peer = name in PEERS
            if is_peer and number >= 3:
                continue
            seconds, output = measure(command)
            if is_peer:
                output, inner = output.split("\n")
                seconds = float(inner) * (NEMREADER_SHARE if name == "nemreader" else 1)
            times[name].append(seconds)
            results[name] = output
    check(results)
    peaks = {name: peak(command) for name, command in commands.items()}
    table(times, peaks, file)


def check(results):
    """Ours and the plain program agree to the last digit; the others in number, and in money."""
    assert results["plain C, no validation"] == results["Meterside"], results
    money = results["Meterside"].split(", ")[-1]
    for name in ("numpy", "duckdb", "polars"):
        if name in results:
            assert results[name].split(", ")[-1] == money, (name, results)
            assert results[name].split(", ")[0] == results["Meterside"].split(", ")[0], (name, results)


def table(times, peaks, file):
    size = file.stat().st_size
    print(f"{size / 1e6:.1f} MB, load {os.getloadavg()[0]:.1f}")
    print(f"{'':28} {'CPU s':>9} {'best':>7} {'worst':>7} {'MB/s':>7} {'peak MB':>8} {'ours is':>9}")
    ours = statistics.median(times["Meterside"])
    parse = statistics.median(times["Meterside, parse only"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        ratio = median / (parse if name == "nemreader" else ours)
        print(
            f"{name:28} {median:9.3f} {min(seconds):7.3f} {max(seconds):7.3f} {size / 1e6 / median:7.0f} "
            f"{peaks[name] / 1000:8.1f} {ratio:8.2f}x")
    print("nemreader: a tenth of the file, time and rate scaled to the whole; compared with parse only")
    wrote = statistics.median(times["Meterside, read and write"]) - parse
    print(f"writing alone: {wrote:.3f} s, {parse / wrote:.2f}x the speed of reading")


if __name__ == "__main__":
    main()
