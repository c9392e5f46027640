"""The broker is away for 30 s, and for 30 s with a SIGKILL of the daemon in the middle.

100 Modbus TCP units. The daemon lives 60 times faster (simulated board), so that every unit states an interval every
five seconds and each outage piles up records; polls are once a second of real time. The cloud here is paho: it keeps
records by sequence, checks the hash chain (contract §4), sends receipts, and asks again for what it missed while it
was away itself. Timing is taken at the units (polls) and at the cloud (messages), never from the daemon.
"""
import argparse
import hashlib
import json
import signal
import socket
import sys
import threading
import time

import paho.mqtt.client as mqtt

from box import BOX, UNITS, Bench, Control, finish, machine

SCALE = 60

parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=30, help="length of an outage")
options = parser.parse_args()


class Cloud:
    """Follows the broker: connects within milliseconds of its return."""

    root = f"meterside/{BOX}/"

    def __init__(self, port):
        self.port = port
        self.lock = threading.Lock()
        self.records = {}
        self.keys = {}
        self.deliveries = 0
        self.repeats = 0
        self.contradictions = 0
        self.resends = 0
        self.first_after = None
        self.live = 0
        self.upto = 0
        self.ending = False
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="cloud", protocol=mqtt.MQTTv5)
        self.client.on_message = self.on_message
        self.client.on_connect = lambda client, *_: client.subscribe(self.root + "#", qos=1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                self.client.connect("127.0.0.1", self.port, keepalive=60, clean_start=False)
            except OSError:
                time.sleep(0.005)
                continue
            while not self.ending and self.client.loop(0.05) == mqtt.MQTT_ERR_SUCCESS:
                pass

    def on_message(self, client, _, message):
        now = time.monotonic()
        topic = message.topic.removeprefix(self.root)
        if topic in ("receipt", "command"):
            return
        if topic == "state" and b"offline" in message.payload:
            return
        with self.lock:
            if self.first_after is None:
                self.first_after = now
            if topic.endswith("/live"):
                self.live += 1
            if topic != "journal":
                return
            for record in json.loads(message.payload)["records"]:
                self.take(record)
            while self.upto + 1 in self.records:
                self.upto += 1
            newest = max(self.records, default=0)
            if newest > self.upto:
                gap = min(seq for seq in self.records if seq > self.upto)
                self.resends += 1
                client.publish(self.root + "receipt", json.dumps({"resend": [self.upto + 1, gap - 1]}), qos=1)
            client.publish(self.root + "receipt", json.dumps({"upto": self.upto}), qos=1)

    def take(self, record):
        self.deliveries += 1
        seq = record["seq"]
        known = self.records.get(seq)
        if known is not None:
            self.repeats += 1
            if known != record:
                self.contradictions += 1
            return
        if self.keys.setdefault(record["key"], seq) != seq:
            self.contradictions += 1
        self.records[seq] = record

    def chain_is_whole(self):
        """Contract §4 over all records from 1 to the head."""
        last = bytes(32)
        for seq in range(1, self.upto + 1):
            record = dict(self.records[seq])
            told = record.pop("hash")
            body = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            last = hashlib.sha256(last + hashlib.sha256(body).digest()).digest()
            if last.hex() != told:
                return False
        return True

    def intervals(self):
        return sum(1 for record in self.records.values() if record["kind"] == "interval")


def head_of(bench):
    control = Control(bench.control_socket)
    return control.ask("status")["journal"]["head"]


def settle(bench, cloud, seconds=60):
    """Waits until the cloud has all that the journal holds; true when it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        head = head_of(bench)
        time.sleep(0.5)
        with cloud.lock:
            if cloud.upto >= head:
                return True
    return False


def doubled_intervals(cloud):
    seen = {}
    for record in cloud.records.values():
        if record["kind"] == "interval":
            name = (record["data"]["meter"], record["data"]["end"], record["data"].get("revision", 0))
            seen[name] = seen.get(name, 0) + 1
    return sum(1 for count in seen.values() if count > 1)


def outage(bench, slave, cloud, broker, kill):
    """One outage; what it did to polls and records."""
    before = len(cloud.records)
    bench.end(broker)
    gone = time.monotonic()
    slave.forget()
    result = {}
    if kill:
        time.sleep(options.seconds / 2)
        bench.end(bench.box, signal.SIGKILL)
        slave.forget()
        restarted = time.monotonic()
        bench.box = bench.daemon("--time-scale", SCALE, "--time-anchor", bench.anchor)
        time.sleep(5)
        first = slave.count()["first"]
        result["polling_after_restart"] = first / 1e9 - restarted if first else None
        slave.forget()
    time.sleep(max(0, options.seconds - (time.monotonic() - gone)))
    polled = slave.count()
    result["polls_while_away"] = polled["requests"]
    result["longest_pause_s"] = polled["longest"] / 1e9
    with cloud.lock:
        cloud.first_after = None
    broker = bench.broker(bench.broker_port)  # returns when it listens
    back = time.monotonic()
    while cloud.first_after is None and time.monotonic() < back + 60:
        time.sleep(0.001)
    result["first_message_after_return"] = cloud.first_after - back if cloud.first_after else None
    time.sleep(2)
    result["settled"] = settle(bench, cloud)
    result["records"] = len(cloud.records) - before
    return broker, result


def main():
    with Bench() as bench:
        broker = bench.broker()
        slave = bench.units(UNITS)
        bench.configure_tcp(slave.port, poll_seconds=SCALE, board="simulated")
        bench.anchor = int(time.time() * 1000)
        cloud = Cloud(bench.broker_port)
        bench.box = bench.daemon("--time-scale", SCALE, "--time-anchor", bench.anchor)
        time.sleep(12)
        broker, plain = outage(bench, slave, cloud, broker, kill=False)
        time.sleep(5)
        broker, killed = outage(bench, slave, cloud, broker, kill=True)
        head = head_of(bench)
        with cloud.lock:
            lost = sum(1 for seq in range(1, head + 1) if seq not in cloud.records)
            result = {
                "machine": machine(), "away": plain, "killed": killed, "head": head, "received": len(cloud.records),
                "intervals": cloud.intervals(), "lost": lost, "deliveries": cloud.deliveries,
                "repeats": cloud.repeats, "contradictions": cloud.contradictions,
                "doubled_intervals": doubled_intervals(cloud), "resends_asked": cloud.resends,
                "chain": cloud.chain_is_whole(),
            }
        cloud.ending = True
        cloud.thread.join(3)
        print(f"{UNITS} units, outages of {options.seconds:g} s; {machine()}")
        for name, part in [("broker away", plain), ("and SIGKILL", killed)]:
            print(f"{name}: {part}")
        print({key: value for key, value in result.items() if key not in ("away", "killed", "machine")})
        finish(result, "outage")
        good = (
            lost == 0 and cloud.contradictions == 0 and result["doubled_intervals"] == 0 and result["chain"]
            and plain["settled"] and killed["settled"] and (killed["polling_after_restart"] or 9) < 1
            and all((part["first_message_after_return"] or 9) < 1 for part in (plain, killed)))
        print("good" if good else "NOT GOOD")
        if not good:
            print(bench.log("metersided")[-2000:], file=sys.stderr)
        return 0 if good else 1


sys.exit(main())
