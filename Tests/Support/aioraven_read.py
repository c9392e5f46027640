"""Reads a HAN adapter with aioraven, an independent driver, and prints what it found as JSON."""
import asyncio
import json
import sys
from datetime import datetime, timezone

from aioraven.serial import RAVEnSerialDevice


async def main(path):
    async with RAVEnSerialDevice(path) as device:
        await device.synchronize()
        for _ in range(100):
            network = await asyncio.wait_for(device.get_network_info(), 5)
            if network.status == "Connected":
                break
            await asyncio.sleep(0.1)
        info = await asyncio.wait_for(device.get_device_info(), 5)
        meters = await asyncio.wait_for(device.get_meter_list(), 5)
        demand = await asyncio.wait_for(device.get_instantaneous_demand(refresh=True), 5)
        summation = await asyncio.wait_for(device.get_current_summation_delivered(refresh=True), 5)
        price = await asyncio.wait_for(device.get_current_price(), 5)
        time = await asyncio.wait_for(device.get_time(refresh=True), 5)
        meter = await asyncio.wait_for(device.get_meter_info(), 5)
        offset = abs((datetime.now(timezone.utc) - time.utc_time).total_seconds())
        print(json.dumps({
            "status": str(network.status), "model": info.model_id,
            "install_code": info.install_code.hex(), "link_key": info.link_key.hex(),
            "meters": [item.hex() for item in meters.meter_mac_ids], "type": str(meter.meter_type),
            "demand": demand.demand, "summation": summation.summation_delivered,
            "price": price.price, "currency": price.currency.code, "time_is_near": offset < 60,
        }))


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
