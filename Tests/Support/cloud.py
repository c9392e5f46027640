"""A cloud application for tests: an MQTT 5 client that is not ours (paho) on the other side of the contract.

It stores what arrives as JSON lines in a folder, sends receipts for contiguous records, and publishes what it is
told to on standard input, a JSON object a line: {"topic": "command", "payload": "…", "retain": false}.
"""
import argparse
import json
import pathlib
import ssl
import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--box", required=True)
parser.add_argument("--folder", type=pathlib.Path, required=True)
parser.add_argument("--no-receipts", action="store_true")
parser.add_argument("--ca")
options = parser.parse_args()
root = f"meterside/{options.box}/"
lock = threading.Lock()
received = {}
upto = 0


def note(name, value):
    with lock, open(options.folder / name, "a", encoding="utf-8") as file:
        file.write(json.dumps(value, separators=(",", ":"), ensure_ascii=False) + "\n")


def on_message(client, _, message):
    global upto
    topic = message.topic.removeprefix(root)
    text = message.payload.decode("utf-8")
    if topic == "journal":
        body = json.loads(text)
        note("batches.jsonl", {"box": body["box"], "count": len(body["records"]), "bytes": len(message.payload)})
        for record in body["records"]:
            note("records.jsonl", record)
            received[record["seq"]] = record
        while upto + 1 in received:
            upto += 1
        if not options.no_receipts:
            client.publish(root + "receipt", json.dumps({"upto": upto}), qos=1)
    elif topic not in ("receipt", "command"):
        value = json.loads(text) if text else None
        note("messages.jsonl", {"topic": topic, "retain": bool(message.retain), "qos": message.qos, "payload": value})


def on_connect(client, *_):
    client.subscribe(root + "#", qos=1)
    note("messages.jsonl", {"topic": "cloud", "retain": False, "qos": 0, "payload": "connected"})


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="cloud-" + options.box, protocol=mqtt.MQTTv5)
client.on_message = on_message
client.on_connect = on_connect
client.reconnect_delay_set(min_delay=1, max_delay=1)
if options.ca:
    client.tls_set(ca_certs=options.ca, cert_reqs=ssl.CERT_REQUIRED)
properties = Properties(PacketTypes.CONNECT)
properties.SessionExpiryInterval = 3600
client.connect_async(options.host, options.port, clean_start=False, properties=properties)
client.loop_start()
for line in sys.stdin:
    order = json.loads(line)
    client.publish(root + order["topic"], order["payload"], qos=1, retain=order.get("retain", False))
client.loop_stop()
