"""A cloud that does nothing but send receipts, one for each message on `journal`."""
import json
import sys

import paho.mqtt.client as mqtt

root = f"meterside/{sys.argv[2]}/"


def on_message(client, _, message):
    records = json.loads(message.payload)["records"]
    client.publish(root + "receipt", json.dumps({"upto": records[-1]["seq"]}), qos=1)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="receipts")
client.on_message = on_message
client.on_connect = lambda client, *_: client.subscribe(root + "journal", qos=1)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
