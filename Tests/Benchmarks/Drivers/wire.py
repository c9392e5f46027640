"""How much of a serial line's time is used: the real daemon on a paced pseudo-terminal, against plain libmodbus.

The plan of polls alone never fills a line (an overfull one is refused), so four meters are asked through the control
socket without a pause (`meter.read`, eight outstanding): the port always finds the next request waiting. Measured at
the other end of the line, from one request to the next: elapsed time over the shortest possible (request, reply, and
3.5 characters of silence after each). Below 1.000 the silence is broken.
"""
import argparse
import subprocess
import threading
import time

from box import PROGRAMS, Bench, Control, Counter, finish, machine

GOALS = {9600: 1.010, 19200: 1.015, 115200: 1.06}
METERS = 4

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=20, help="measured time of each line and program")
parser.add_argument("--formats", default="8N1,8E1")
options = parser.parse_args()


def paced(bench, baud, form):
    line = Counter(bench.start([PROGRAMS / "line", baud, 10 if form == "8N1" else 11], "line", pipes=True))
    line.device = line.line().split()[1]
    return line


def ours(baud, form):
    with Bench() as bench:
        line = paced(bench, baud, form)
        bench.configure(
            [{"name": "a", "device": line.device, "baud": baud, "format": form, "protocol": "modbus"}],
            [{"serial": f"M-{unit}", "model": "bench", "port": "a", "address": unit, "poll_seconds": 3600}
             for unit in range(1, METERS + 1)], mqtt=False)
        daemon = bench.daemon()
        control = Control(bench.control_socket)
        stop = threading.Event()
        asked = {control.send("meter.read", serial=f"M-{1 + index % METERS}"): index for index in range(2 * METERS)}
        faults = []

        def keep_asking():
            while asked:
                message = control.answer()
                index = asked.pop(message["id"])
                if "error" in message:
                    faults.append(message["error"]["message"])
                if not stop.is_set():
                    asked[control.send("meter.read", serial=f"M-{1 + index % METERS}")] = index

        asker = threading.Thread(target=keep_asking, daemon=True)
        asker.start()
        time.sleep(1)
        line.forget()
        time.sleep(options.seconds)
        result = line.count()
        stop.set()
        asker.join(10)
        if daemon.poll() is not None:
            raise RuntimeError(bench.log("metersided"))
        if faults:
            raise RuntimeError(f"{len(faults)} reads failed: {faults[0]}")
        return result


def plain(baud, form):
    with Bench() as bench:
        line = paced(bench, baud, form)
        subprocess.run(
            [PROGRAMS / "plain_line", line.device, str(baud), form[1], str(options.seconds)], check=True,
            capture_output=True, timeout=options.seconds + 30)
        return line.count()


results = []
print(f"20 registers a read, {options.seconds:g} s each; {machine()}")
print(f"{'line':<12}{'program':<12}{'reads':>7}{'ratio':>9}{'least':>9}{'median':>9}{'p99':>9}{'early':>7}{'goal':>8}")
for baud, goal in GOALS.items():
    for form in options.formats.split(","):
        for name, run in [("Meterside", ours), ("libmodbus", plain)]:
            result = run(baud, form)
            result |= {"baud": baud, "format": form, "name": name, "goal": goal}
            results.append(result)
            print(
                f"{baud:>6} {form:<5}{name:<12}{result['cycles']:>7}{result['ratio']:>9.4f}{result['least']:>9.4f}"
                f"{result['median']:>9.4f}{result['p99']:>9.4f}{result['early']:>7}{goal:>8}", flush=True)
finish({"machine": machine(), "results": results}, "wire")
