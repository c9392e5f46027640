"""From the start of the process to its first published values, and its memory with one unit and with 100.

modbus4mqtt knows one unit a process, so both get one unit for the time. Ours is started on a new journal, and again on
the one that is there. The machine is warm: files are in the page cache.
"""
import argparse
import statistics
import time

import peers
from box import Bench, Control, finish, machine, memory

parser = argparse.ArgumentParser()
parser.add_argument("--times", type=int, default=10)
options = parser.parse_args()


def start_once(kind, again=False):
    """Milliseconds from the start of the process to its first values at the receiver."""
    with Bench() as bench:
        bench.broker()
        slave = bench.units(1)
        peer = kind(bench, slave, 1)
        if peer.missing():
            return None
        receiver = bench.receiver(peer.needle, *peer.filters)
        if again:
            process = peer.start()
            time.sleep(2)
            bench.end(process)
            time.sleep(0.2)
            receiver.forget()
        began = time.monotonic()
        process = bench.daemon() if again else peer.start()
        while receiver.count()["messages"] == 0:
            if time.monotonic() - began > 90 or process.poll() is not None:
                raise RuntimeError(f"{peer.name} published nothing")
            time.sleep(0.002)
        return (receiver.count()["first"] / 1e9 - began) * 1000


def socket_once():
    """Milliseconds from start to the first answer on the control socket (budget: 50)."""
    with Bench() as bench:
        bench.broker()
        slave = bench.units(4)
        bench.configure_tcp(slave.port, 4)
        began = time.monotonic()
        bench.daemon()
        Control(bench.control_socket).ask("status")
        return (time.monotonic() - began) * 1000


def resident(kind, units, seconds):
    with Bench() as bench:
        bench.broker()
        slave = bench.units(units)
        peer = kind(bench, slave, units)
        if peer.missing():
            return None
        receiver = bench.receiver(peer.needle, *peer.filters)
        process = peer.start()
        limit = time.monotonic() + 60
        while receiver.count()["messages"] == 0 and time.monotonic() < limit:
            time.sleep(0.1)
        time.sleep(seconds)
        total, anonymous = memory(process.pid)
        if kind is peers.Modbus4mqtt:
            shell, private = memory_of_one(process.pid)
            total, anonymous = total - shell, anonymous - private
        return total / 1e6, anonymous / 1e6


def memory_of_one(pid):
    """The shell that started the others does not count."""
    values = {}
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(("VmRSS:", "RssAnon:")):
            values[line.split(":")[0]] = int(line.split()[1]) * 1024
    return values["VmRSS"], values["RssAnon"]


result = {"machine": machine(), "start": {}, "memory": {}}
print(machine())
for kind, again, name in [
    (peers.Modbus4mqtt, False, "modbus4mqtt"), (peers.Meterside, False, "Meterside, new journal"),
    (peers.Meterside, True, "Meterside, its journal"),
]:
    times = [start_once(kind, again) for _ in range(options.times)]
    if None in times:
        print(f"{kind.name}: skipped, not installed")
        continue
    result["start"][name] = times
    theirs = result["start"].get("modbus4mqtt")
    ratio = f", 1/{statistics.median(theirs) / statistics.median(times):.1f} of theirs (goal 1/10)" if theirs else ""
    print(
        f"start to first values, {name}: median {statistics.median(times):.1f} ms, {min(times):.1f} to "
        f"{max(times):.1f}{ratio if kind is peers.Meterside else ''}", flush=True)
times = [socket_once() for _ in range(options.times)]
result["socket"] = times
print(
    f"start to an answer on the control socket: median {statistics.median(times):.1f} ms, worst {max(times):.1f} (50)")
for kind, units in [
    (peers.Meterside, 4), (peers.Meterside, 100), (peers.Modbus4mqtt, 1), (peers.Thingsboard, 4),
    (peers.Thingsboard, 100),
]:
    found = resident(kind, units, 20)
    if found is None:
        print(f"{kind.name}: skipped, not installed")
        continue
    result["memory"][f"{kind.name} {units}"] = found
    print(
        f"memory, {kind.name} with {units} units: {found[0]:.1f} MB resident, {found[1]:.1f} MB anonymous", flush=True)
finish(result, "start")
