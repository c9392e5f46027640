"""An independent Modbus TCP or RTU slave (pymodbus): an SDM630's input registers as floats.

Usage: modbus_slave.py tcp PORT | rtu DEVICE   (prints "ready"; import energy grows by 1 kWh a minute)
"""
import asyncio
import struct
import sys
import time

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

VALUES = {0x00: 230.5, 0x02: 231.25, 0x04: 229.0, 0x06: 4.5, 0x08: 4.25, 0x0A: 4.0, 0x0C: 1000.0, 0x0E: 980.0,
          0x10: 910.0, 0x34: 2890.0, 0x3E: 0.98, 0x46: 50.0, 0x48: 1234.5, 0x4A: 10.25, 0x4C: 20.5, 0x4E: 1.25}
started = time.monotonic()


async def main():
    # SimData addresses are wire addresses; the simulated unit answers exception 2 outside of them.
    data = SimData(0, values=[0] * 0x100, datatype=DataType.REGISTERS)
    device = SimDevice(1, simdata=data, action=answer)
    if sys.argv[1] == "tcp":
        server = ModbusTcpServer(device, address=("127.0.0.1", int(sys.argv[2])))
    else:
        server = ModbusSerialServer(device, framer=FramerType.RTU, port=sys.argv[2], baudrate=9600)
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.3)
    print("ready", flush=True)
    await task


async def answer(function, start, address, count, current, new):
    """Fills in the registers that are read; energies grow with time."""
    values = dict(VALUES)
    values[0x48] += int((time.monotonic() - started) / 0.6) / 100.0
    for place, value in values.items():
        current[place - start:place - start + 2] = struct.unpack(">HH", struct.pack(">f", value))


asyncio.run(main())
