"""The budgets of the design: size of the daemon, flash writes of an hour with 4 meters at 5-minute intervals.

The hour is lived 60 times faster, with receipts coming back. The folder should be on a real disk: set TMPDIR.
"""
import pathlib
import signal
import subprocess
import sys
import time

from box import BOX, PRODUCTS, PROGRAMS, Bench, finish, machine

SCALE = 60
result = {"machine": machine()}
with Bench() as bench:
    daemon = PRODUCTS / "metersided"
    stripped = bench.folder / "metersided"
    subprocess.run(["strip", "--strip-all", "-o", stripped, daemon], check=True)
    text = stripped.read_bytes()
    result["stripped"] = len(text)
    result["icu"] = text.count(b"icudt")
    print(f"metersided, stripped: {len(text) / 1e6:.1f} MB (24), icudt found {result['icu']} times (0)")

    bench.broker()
    slave = bench.units(4)
    bench.configure_tcp(slave.port, 4, poll_seconds=SCALE, board="simulated")
    cloud = bench.start(
        [sys.executable, pathlib.Path(__file__).with_name("receipts.py"), bench.broker_port, BOX], "receipts")
    syncs = bench.folder / "syncs"
    box = bench.daemon(
        "--time-scale", SCALE, env={"LD_PRELOAD": str(PROGRAMS / "syncs.so"), "SYNCS_FILE": str(syncs)})
    time.sleep(6)  # the first hour's head: creating the journal and the start are not part of the steady state

    def written():
        return int(next(line for line in open(f"/proc/{box.pid}/io") if line.startswith("write_bytes")).split()[1])

    before, began = written(), time.monotonic()
    time.sleep(3600 / SCALE)
    after = written()
    bench.end(box, signal.SIGTERM)
    total = int(syncs.read_text())
    kind = subprocess.run(["stat", "-f", "-c", "%T", bench.folder], capture_output=True, text=True).stdout.strip()
    result |= {"written": after - before, "syncs_whole_run": total, "filesystem": kind}
    print(
        f"an hour of 4 meters: {(after - before) / 2**20:.2f} MiB written (2) on {kind}, "
        f"{total} syncs in {(time.monotonic() - began + 6) * SCALE / 60:.0f} minutes, start and end included (120 an "
        "hour)")
finish(result, "budgets")
