"""The programs of others, each set up for the same work as honestly as it can be: which command, which topics to count,
how many polls a counted thing is worth, and what it does not do."""
import json
import pathlib
import sys

from box import PEERS, PROGRAMS, ROWS


class Peer:
    """`filters` and `needle` are for the receiver; `worth` counted things make one poll of one unit."""

    name = ""
    needle = ""
    worth = 1
    warm = 3  # seconds before the first count
    notes = ""
    filters = ()

    def __init__(self, bench, slave, units):
        self.bench, self.slave, self.units = bench, slave, units

    def missing(self):
        """Why it cannot be run here; None when it can."""

    def start(self):
        raise NotImplementedError


class Meterside(Peer):
    name = "Meterside"
    filters = ("meterside/+/meter/+/live",)
    notes = "one read a unit; checks, keeps intervals in the synced journal, delivers them with receipts"

    def start(self):
        self.bench.configure_tcp(self.slave.port, self.units)
        return self.bench.daemon()


class Plain(Peer):
    name = "bare C"
    filters = ("plain/+/live",)
    notes = "one read a unit, all at the start of the second; no checks, stores nothing, no reconnect"

    def start(self):
        return self.bench.start(
            [PROGRAMS / "plain", self.slave.port, self.units, self.bench.broker_port], "plain")


class PlainSpread(Plain):
    name = "bare C, spread"
    notes = "the same, units spread over the second as ours are"

    def start(self):
        return self.bench.start(
            [PROGRAMS / "plain", self.slave.port, self.units, self.bench.broker_port, "spread"], "plain")


class Collectd(Peer):
    name = "collectd"
    filters = ("collectd/#",)
    worth = len(ROWS)
    warm = 4
    notes = "its modbus plugin asks every value alone (10 requests a poll), a message a value; stores nothing"

    def missing(self):
        if not pathlib.Path("/usr/lib/collectd/modbus.so").exists():
            return "collectd-core is not installed (apt-get install collectd-core)"

    def start(self):
        lines = [
            'Hostname "bench"', "Interval 1", f'BaseDir "{self.bench.folder}"',
            'TypesDB "/usr/share/collectd/types.db"', "ReadThreads 5", "WriteThreads 2", "LoadPlugin modbus",
            "LoadPlugin mqtt", "<Plugin modbus>",
        ]
        for index, row in enumerate(ROWS):
            lines += [
                f'<Data "{row}">', f"RegisterBase {2 * index}", "RegisterType Float", "RegisterCmd ReadInput",
                "Type gauge", f'Instance "{row}"', "</Data>",
            ]
        lines += ['<Host "bench">', 'Address "127.0.0.1"', f'Port "{self.slave.port}"', "Interval 1"]
        for unit in range(1, self.units + 1):
            lines += [f"<Slave {unit}>"] + [f'Collect "{row}"' for row in ROWS] + ["</Slave>"]
        lines += [
            "</Host>", "</Plugin>", "<Plugin mqtt>", '<Publish "bench">', 'Host "127.0.0.1"',
            f"Port {self.bench.broker_port}", 'ClientId "collectd"', "QoS 1", 'Prefix "collectd"', "</Publish>",
            "</Plugin>",
        ]
        path = self.bench.folder / "collectd.conf"
        path.write_text("\n".join(lines) + "\n")
        return self.bench.start(
            ["/usr/sbin/collectd", "-f", "-C", path, "-P", self.bench.folder / "collectd.pid"], "collectd")


class Modpoll(Peer):
    name = "modpoll"
    filters = ("modpoll/+/data",)
    warm = 5
    notes = "one read a unit, QoS 1, -d: prints no values; stores nothing"
    quiet = ("-d",)
    program = PEERS / "modpoll" / "bin" / "modpoll"

    def missing(self):
        if not self.program.exists():
            return "modpoll could not be installed from PyPI"

    def start(self):
        lines = []
        for unit in range(1, self.units + 1):
            lines += [f"device,unit{unit},{unit},,,", "poll,input_register,0,20,BE_BE,"]
            lines += [f"ref,{row},{2 * index},float32,r," for index, row in enumerate(ROWS)]
        path = self.bench.folder / "modpoll.csv"
        path.write_text("\n".join(lines) + "\n")
        return self.bench.start(
            [self.program, *self.quiet, "--loglevel", "ERROR", "--tcp", "127.0.0.1", "--tcp-port", self.slave.port,
             "--rate", "1", "--interval", "0", "-f", path, "--mqtt-host", "127.0.0.1", "--mqtt-port",
             self.bench.broker_port, "--mqtt-qos", "1", "--mqtt-clientid", "modpoll", "--mqtt-version", "5.0"],
            "modpoll")


class ModpollTables(Modpoll):
    name = "modpoll, printing"
    notes = "the same without -d: it prints a table of every unit, as it does when it is just started"
    quiet = ()


class Modbus4mqtt(Peer):
    """A process knows one unit, so `units` of them run, kept few: its cost a poll does not depend on how many."""

    name = "modbus4mqtt"
    filters = ("modbus4mqtt/#",)
    warm = 8
    worth = len(ROWS)
    needle = ""
    as_json = False
    notes = (
        "a process a unit (10 of them), a message a value, QoS 0 only, no floats (the same words as uint32), every "
        "1.05 s; stores nothing")
    program = PEERS / "modbus4mqtt" / "bin" / "modbus4mqtt"

    def __init__(self, bench, slave, units):
        super().__init__(bench, slave, min(units, 10))

    def missing(self):
        if not self.program.exists():
            return "modbus4mqtt could not be installed from PyPI"

    def start(self):
        for unit in range(1, self.units + 1):
            config = {
                "ip": "127.0.0.1", "port": self.slave.port, "update_rate": 1, "device_address": unit,
                "scan_batching": 20, "word_order": "highlow",
                "registers": [
                    {"address": 2 * index, "table": "input", "type": "uint32", "pub_only_on_change": False,
                     **({"pub_topic": f"{unit}/live", "json_key": row} if self.as_json
                        else {"pub_topic": f"{unit}/{row}"})} for index, row in enumerate(ROWS)],
            }
            (self.bench.folder / f"unit{unit}.yaml").write_text(json.dumps(config))  # JSON is YAML
        script = " & ".join(
            f'"{self.program}" --hostname 127.0.0.1 --port {self.bench.broker_port} '
            f'--config "{self.bench.folder}/unit{unit}.yaml"' for unit in range(1, self.units + 1))
        return self.bench.start(["/bin/sh", "-c", script + " & wait"], "modbus4mqtt")


class Modbus4mqttJson(Modbus4mqtt):
    name = "modbus4mqtt, JSON"
    worth = 1
    as_json = True
    notes = "the same with one JSON message a poll (its json_key)"


class Thingsboard(Peer):
    name = "thingsboard-gateway"
    filters = ("v1/gateway/telemetry",)
    needle = '"ts":'
    warm = 25
    notes = "a request a value (10 a poll); queue in memory, several units a message"
    program = PEERS / "thingsboard-gateway" / "bin" / "thingsboard-gateway"

    def missing(self):
        if not self.program.exists():
            return "thingsboard-gateway could not be installed from PyPI"

    def start(self):
        slaves = [{
            "host": "127.0.0.1", "port": self.slave.port, "type": "tcp", "method": "socket", "unitId": unit,
            "deviceName": f"unit{unit}", "deviceType": "default", "timeout": 5, "byteOrder": "BIG",
            "wordOrder": "BIG", "retries": 1, "retryOnEmpty": False, "retryOnInvalid": False, "pollPeriod": 1000,
            "connectAttemptTimeMs": 1000, "connectAttemptCount": 5, "waitAfterFailedAttemptsMs": 1000,
            "attributes": [], "attributeUpdates": [], "rpc": [],
            "timeseries": [
                {"tag": row, "type": "32float", "address": 2 * index, "objectsCount": 2, "functionCode": 4}
                for index, row in enumerate(ROWS)],
        } for unit in range(1, self.units + 1)]
        off = {
            name: "" for name in [
                "rateLimits", "dpRateLimits", "messagesRateLimits", "deviceMessagesRateLimits", "deviceRateLimits",
                "deviceDpRateLimits"]}
        gateway = {
            "thingsboard": {
                "host": "127.0.0.1", "port": self.bench.broker_port, "remoteShell": False,
                "remoteConfiguration": False, "qos": 1, "statistics": {"enable": False},
                "deviceFiltering": {"enable": False}, "maxPayloadSizeBytes": 8196, "minPackSendDelayMS": 50,
                "minPackSizeToSend": 500, "checkConnectorsConfigurationInSeconds": 3600, "handleDeviceRenaming": False,
                "security": {"type": "accessToken", "accessToken": "bench"},
                "reportStrategy": {"type": "ON_RECEIVED"},
                "checkingDeviceActivity": {"checkDeviceInactivity": False}, **off,
            },
            "storage": {"type": "memory", "read_records_count": 100, "max_records_count": 100000},
            "grpc": {"enabled": False},
            "connectors": [{"type": "modbus", "name": "bench", "configuration": "modbus.json"}],
        }
        stub = pathlib.Path(__file__).with_name("platform_stub.py")
        self.bench.start([sys.executable, stub, self.bench.broker_port], "platform")
        folder = self.bench.folder / "thingsboard"
        (folder / "logs").mkdir(parents=True)
        (folder / "tb_gateway.json").write_text(json.dumps(gateway))
        (folder / "modbus.json").write_text(json.dumps({"master": {"slaves": slaves}, "logLevel": "ERROR"}))
        shipped = "lib/python*/site-packages/thingsboard_gateway/config/logs.json"
        source = next((PEERS / "thingsboard-gateway").glob(shipped))
        (folder / "logs.json").write_text(source.read_text().replace('"INFO"', '"ERROR"'))
        return self.bench.start([self.program], "thingsboard", cwd=folder, env={"TB_GW_CONFIG_DIR": str(folder)})


ALL = [Meterside, Plain, PlainSpread, Collectd, Modpoll, ModpollTables, Modbus4mqtt, Modbus4mqttJson, Thingsboard]
