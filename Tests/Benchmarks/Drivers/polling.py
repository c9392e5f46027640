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
parser.add_argument("--only", default="", help="comma-separated parts of names")
parser.add_argument("--across-boundary", action="store_true", help="let our run hold a 5-minute boundary")
options = parser.parse_args()


def wait_for_boundary(seconds):
    """So that the measured time holds an interval boundary, records and their delivery."""
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


wanted = [part.strip().lower() for part in options.only.split(",") if part.strip()]
results = []
print(f"{options.units} units once a second, {options.seconds:g} s each; {machine()}")
print(f"{'program':<22}{'polls':>8}{'/s':>7}{'CPU s':>9}{'CPU ms/10k':>12}{'ours is':>9}{'req/poll':>9}{'RSS MB':>8}")
for kind in peers.ALL:
    if wanted and not any(part in kind.name.lower() for part in wanted):
        continue
    result = run(kind)
    results.append(result)
    if "skipped" in result:
        print(f"{result['name']:<22} skipped: {result['skipped']}")
        continue
    ours = results[0].get("cpu_per_10000") if results[0]["name"] == "Meterside" else None
    ratio = ours / result["cpu_per_10000"] if ours else 0
    result["ratio"] = ratio
    shown = "" if not ratio else f"{ratio:.2f}x" if ratio > 0.5 else f"1/{1 / ratio:.1f}"
    print(
        f"{result['name']:<22}{result['polls']:>8.0f}{result['polls_per_second']:>7.1f}{result['cpu']:>9.3f}"
        f"{result['cpu_per_10000'] * 1000:>12.0f}{shown:>9}{result['requests_per_poll']:>9.2f}"
        f"{result['resident'] / 1e6:>8.1f}", flush=True)
finish({"machine": machine(), "results": results}, "polling")
