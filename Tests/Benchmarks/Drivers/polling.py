"""100 Modbus TCP units, 20 registers each, polled once a second; every poll's live values published at QoS 1.

CPU (user and system) of the program, per 10,000 polls as the receiver counted them.
"""
import argparse
import time

import peers
from box import UNITS, Bench, cpu_seconds, finish, machine, memory

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=60, help="measured time of each program")
parser.add_argument("--units", type=int, default=UNITS)
parser.add_argument("--rounds", type=int, default=3, help="runs of ours and of the bare C program, taking turns")
parser.add_argument("--only", default="", help="comma-separated parts of names")
parser.add_argument("--across-boundary", action="store_true", help="let our run hold a 5-minute boundary")
options = parser.parse_args()


def wait_for_boundary(seconds):
    """So that the measured time holds an interval boundary, with its records and their delivery."""
    while (300 - time.time() % 300) > seconds * 0.7:
        time.sleep(0.2)


def run(kind):
    with Bench() as bench:
        bench.broker()
        slave = bench.units(options.units)
        peer = kind(bench, slave, options.units)
        reason = peer.missing()
        if reason:
            return {"name": peer.name, "skipped": reason}
        receiver = bench.receiver(peer.needle, *peer.filters)
        if kind is peers.Meterside and options.across_boundary:
            # Once is enough: in an hour 12 of 3,600 seconds hold a boundary.
            options.across_boundary = False
            wait_for_boundary(options.seconds + peer.warm)
        process = peer.start()
        time.sleep(peer.warm)
        # A program that needs longer to start gets it, up to a minute.
        limit = time.monotonic() + 60
        while receiver.count()["polls"] < 2 * peer.units * peer.worth and time.monotonic() < limit:
            time.sleep(0.25)
        receiver.forget()
        slave.forget()
        began, before = time.monotonic(), cpu_seconds(process.pid)
        time.sleep(options.seconds)
        after, elapsed = cpu_seconds(process.pid), time.monotonic() - began
        heard, asked = receiver.count(), slave.count()
        resident, anonymous = memory(process.pid)
        alive = process.poll() is None
        polls = heard["polls"] / peer.worth
        if not alive or polls == 0:
            return {"name": peer.name, "skipped": f"gave nothing: {bench.log(process_log(peer))[-400:]}"}
        return {
            "name": peer.name, "units": peer.units, "polls": polls, "seconds": elapsed, "cpu": after - before,
            "cpu_per_10000": (after - before) / polls * 10_000, "polls_per_second": polls / elapsed,
            "requests_per_poll": asked["requests"] / polls, "bytes_per_poll": heard["bytes"] / polls,
            "messages_per_poll": heard["messages"] / polls, "topics": heard["topics"], "qos": heard["qos"],
            "resident": resident, "anonymous": anonymous, "notes": peer.notes,
        }


def process_log(peer):
    return {"Meterside": "metersided", "thingsboard-gateway": "thingsboard"}.get(peer.name, peer.name.split(",")[0])


def median(runs):
    return sorted(runs, key=lambda result: result["cpu_per_10000"])[len(runs) // 2]


def show(result, ours=None):
    if "skipped" in result:
        print(f"{result['name']:<22} skipped: {result['skipped']}", flush=True)
        return
    ratio = ours["cpu_per_10000"] / result["cpu_per_10000"] if ours else 0
    shown = "" if not ratio else f"{ratio:.2f}x" if ratio > 0.5 else f"1/{1 / ratio:.1f}"
    result["ratio"] = ratio
    print(
        f"{result['name']:<22}{result['polls']:>8.0f}{result['polls_per_second']:>7.1f}{result['cpu']:>9.3f}"
        f"{result['cpu_per_10000'] * 1000:>12.0f}{shown:>9}{result['requests_per_poll']:>9.2f}"
        f"{result['resident'] / 1e6:>8.1f}", flush=True)


def header():
    print(
        f"{'program':<22}{'polls':>8}{'/s':>7}{'CPU s':>9}{'CPU ms/10k':>12}{'ours is':>9}{'req/poll':>9}"
        f"{'RSS MB':>8}", flush=True)


wanted = [part.strip().lower() for part in options.only.split(",") if part.strip()]
chosen = [kind for kind in peers.ALL if not wanted or any(part in kind.name.lower() for part in wanted)]
close = [kind for kind in chosen if kind in (peers.Meterside, peers.Plain)]
print(f"{options.units} units once a second, {options.seconds:g} s each; {machine()}")
header()
runs = []
# The two that are close to each other take turns, so that what else the machine does falls on both.
for kind in close * options.rounds + [kind for kind in chosen if kind not in close]:
    runs.append(run(kind))
    show(runs[-1])
print(f"medians; the first two of {options.rounds} runs each")
header()
ours, results = None, []
for kind in chosen:
    own = [result for result in runs if result["name"] == kind.name]
    good = [result for result in own if "skipped" not in result]
    results.append(median(good) if good else own[0])
    if kind is peers.Meterside and good:
        ours = results[-1]
    show(results[-1], ours)
finish({"machine": machine(), "results": results, "runs": runs}, "polling")
