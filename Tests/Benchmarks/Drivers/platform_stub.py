"""The little of a ThingsBoard server without which thingsboard-gateway publishes nothing: no limits, it says."""
import json
import sys

import paho.mqtt.client as mqtt

LIMITS = {"none": "0:0,"}
ANSWER = {
    "maxPayloadSize": 65536, "maxInflightMessages": 10000, "rateLimits": LIMITS, "gatewayRateLimits": LIMITS,
}


def on_message(client, _, message):
    number = message.topic.rsplit("/", 1)[1]
    client.publish(f"v1/devices/me/rpc/response/{number}", json.dumps(ANSWER), qos=1)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="platform")
client.on_message = on_message
client.on_connect = lambda client, *_: client.subscribe("v1/devices/me/rpc/request/+", qos=1)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
