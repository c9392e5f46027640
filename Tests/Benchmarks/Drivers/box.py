"""What every benchmark needs: a folder, processes that end with it, a broker, counters, and the CPU a process used."""
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("METERSIDE_BENCH_BUILD", HERE / ".build"))
PRODUCTS = pathlib.Path(os.environ.get("METERSIDE_PRODUCTS", ROOT / ".build" / "release"))
PROGRAMS = BUILD / "programs"
PEERS = BUILD / "peers"
SHARE = ROOT / "hardware"
UNITS = 100
BOX = "SJKGRHDV"

# The ten values of one unit: registers 0 to 19, function 4, float32, high word first.
ROWS = [
    "import_wh", "voltage_l1_v", "voltage_l2_v", "voltage_l3_v", "current_l1_a", "current_l2_a", "current_l3_a",
    "power_w", "power_factor", "frequency_hz",
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tree(pid):
    """A process and all below it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{parent}/task"):
                found += [int(child) for child in open(f"/proc/{parent}/task/{task}/children").read().split()]
    return found


def cpu_seconds(pid):
    """User and system time of a process, all its threads and children, with the scheduler's own resolution."""
    total = 0.0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~one << 3) | 2)  # the process's own CPU clock, see clock_getcpuclockid(3)
            fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
            total += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")  # children that have ended
    return total


def memory(pid):
    """Resident and private (anonymous) bytes of a process and all below it."""
    resident = anonymous = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            for line in open(f"/proc/{one}/status"):
                if line.startswith("VmRSS:"):
                    resident += int(line.split()[1]) * 1024
                elif line.startswith("RssAnon:"):
                    anonymous += int(line.split()[1]) * 1024
    return resident, anonymous


class Counter:
    """`units` or `receiver`: a C program that counts, asked by lines."""

    def __init__(self, process):
        self.process = process

    def line(self, seconds=20):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise RuntimeError(f"{self.process.args[0]} says nothing")
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError(f"{self.process.args[0]} ended")
        return text

    def _say(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def forget(self):
        self._say("0")

    def count(self):
        self._say("?")
        return json.loads(self.line())


class Bench:
    """A temporary folder and the processes of one benchmark; everything ends with it."""

    def __enter__(self):
        # Ended from outside, it still ends what it started.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="meterside-bench-", dir=os.environ.get("TMPDIR")))
        self.processes = []
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            self.end(process)
        if "METERSIDE_BENCH_KEEP" in os.environ:
            print(f"kept: {self.folder}", file=sys.stderr)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, arguments, log, pipes=False, cwd=None, env=None):
        """Starts a program in a process group of its own; its output goes to `<log>.log`."""
        output = open(self.folder / f"{log}.log", "ab")
        process = subprocess.Popen(
            [str(argument) for argument in arguments], cwd=cwd, text=True,
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL, stdout=subprocess.PIPE if pipes else output,
            stderr=output, env=dict(os.environ, **(env or {})), start_new_session=True)
        output.close()
        self.processes.append(process)
        return process

    def end(self, process, number=signal.SIGTERM, seconds=5):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process in self.processes:
            self.processes.remove(process)

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def broker(self, port=None):
        """mosquitto on a loopback port, nothing kept on disk."""
        self.broker_port = port or free_port()
        path = self.folder / "mosquitto.conf"
        path.write_text(
            f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
            # Else the broker's own Nagle delay would stand in every time measured at the receiver.
            "max_inflight_messages 1000\nset_tcp_nodelay true\nlog_type error\n")
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        process = self.start([program, "-c", path], "mosquitto")
        self.wait_port(self.broker_port)
        return process

    def wait_port(self, port, seconds=10):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.002)
        raise RuntimeError(f"nobody listens on port {port}")

    def units(self, count=UNITS):
        slave = Counter(self.start([PROGRAMS / "units", count], "units", pipes=True))
        slave.port = int(slave.line().split()[1])
        return slave

    def receiver(self, needle, *filters):
        receiver = Counter(
            self.start([PROGRAMS / "receiver", self.broker_port, needle, *filters], "receiver", pipes=True))
        if receiver.line().strip() != "ready":
            raise RuntimeError("the receiver could not subscribe")
        time.sleep(0.1)
        return receiver

    # The product

    def write_model(self):
        """The units' registers as a meter model of our own, beside the configuration."""
        rows = "".join(
            f'\n[[register]]\nname = "{name}"\nraw = "{name}"\nfunction = 4\naddress = {2 * index}\ntype = "float32"\n'
            for index, name in enumerate(ROWS))
        folder = self.folder / "etc" / "meters.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.toml").write_text(
            'title = "Benchmark unit"\ndialect = "modbus"\nverified = false\n\n'
            "[timing]\ntimeout_ms = 1000\nturnaround_ms = 0\nmax_registers = 60\nmax_gap = 0\n\n"
            '[probe]\nregister = "frequency_hz"\nrange = [45, 65]\n' + rows)

    def configure(self, ports, meters, board=None, mqtt=True):
        """`ports` and `meters` are lists of dictionaries, as in the configuration file."""
        self.write_model()
        lines = ["[box]", f'id = "{BOX}"', "interval_minutes = 5", 'clock = "host"']
        if board:
            lines.append(f'board = "{board}"')
        if mqtt:
            lines += ["[mqtt]", f'url = "mqtt://127.0.0.1:{self.broker_port}"']
        for name, tables in [("port", ports), ("meter", meters)]:
            for table in tables:
                lines.append(f"[[{name}]]")
                lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        (self.folder / "etc" / "meterside.toml").write_text("\n".join(lines) + "\n")

    def configure_tcp(self, port, units=UNITS, poll_seconds=1, board=None):
        self.configure(
            [{"name": "a", "tcp": f"127.0.0.1:{port}", "framing": "tcp", "protocol": "modbus"}],
            [{"serial": f"M-{unit}", "model": "bench", "port": "a", "address": unit, "poll_seconds": poll_seconds}
             for unit in range(1, units + 1)], board=board)

    def daemon(self, *arguments, env=None):
        return self.start(
            [PRODUCTS / "metersided", "--config", self.folder / "etc" / "meterside.toml", "--state",
             self.folder / "state", "--runtime", self.folder / "run", "--share", SHARE, *arguments], "metersided",
            env=env)

    @property
    def control_socket(self):
        return self.folder / "run" / "control.sock"


class Control:
    """JSON-RPC 2.0 over the control socket."""

    def __init__(self, path, seconds=20):
        end = time.monotonic() + seconds
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.0005)
        self.file = self.socket.makefile("r")
        self.last = 0

    def send(self, method, **parameters):
        self.last += 1
        request = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": parameters}
        self.socket.sendall((json.dumps(request) + "\n").encode())
        return self.last

    def answer(self):
        while True:
            message = json.loads(self.file.readline())
            if "id" in message:
                return message

    def ask(self, method, **parameters):
        self.send(method, **parameters)
        message = self.answer()
        if "error" in message:
            raise RuntimeError(message["error"]["message"])
        return message["result"]


def machine():
    name = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    kernel = os.uname().release
    return f"{os.cpu_count()} cores of {name}, Linux {kernel}"


def finish(result, name):
    """Prints the result and keeps it as JSON for the table."""
    folder = BUILD / "results"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
