"""EDMI frames decoded and encoded again: ours against a plain Python codec (table-driven checksum, byte loop).

The frames are like a poll's: log-in, register reads and replies, a load-survey block; bodies with bytes that need an
escape as often as random bytes do. Both must give every frame back as it was.
"""
import argparse
import random
import subprocess
import time

from box import HERE, finish, machine

STX, ETX, DLE = 0x02, 0x03, 0x10
SPECIAL = {0x02, 0x03, 0x10, 0x11, 0x13}
TABLE = []
for value in range(256):
    crc = value << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    TABLE.append(crc)


def checksum(body):
    crc = TABLE[STX]
    for byte in body:
        crc = (crc << 8 & 0xFF00) ^ TABLE[crc >> 8 ^ byte]
    return crc


def encode(body):
    crc = checksum(body)
    frame = bytearray([STX])
    for byte in body + bytes([crc >> 8, crc & 0xFF]):
        if byte in SPECIAL:
            frame.append(DLE)
            byte |= 0x40
        frame.append(byte)
    frame.append(ETX)
    return bytes(frame)


def decode(frame):
    if frame[0] != STX or frame[-1] != ETX:
        raise ValueError("not a frame")
    body = bytearray()
    escaped = False
    for byte in frame[1:-1]:
        if escaped:
            byte &= ~0x40
            if byte not in SPECIAL:
                raise ValueError("bad escape")
            escaped = False
        elif byte == DLE:
            escaped = True
            continue
        elif byte in SPECIAL:
            raise ValueError("control byte")
        body.append(byte)
    if len(body) < 3 or checksum(body[:-2]) != body[-2] << 8 | body[-1]:
        raise ValueError("checksum")
    return bytes(body[:-2])


parser = argparse.ArgumentParser()
parser.add_argument("--seconds", type=float, default=3)
options = parser.parse_args()

dice = random.Random(1)
lengths = [1, 6, 8, 12, 17, 17, 17, 20, 21, 25, 25, 30, 40, 64, 120, 250, 520]
bodies = [bytes(dice.randrange(256) for _ in range(length)) for length in lengths * 4]
frames = [encode(body) for body in bodies]
assert all(decode(frame) == body for frame, body in zip(frames, bodies))

rounds, began = 0, time.perf_counter()
while time.perf_counter() - began < options.seconds:
    for frame in frames:
        encode(decode(frame))
    rounds += 1
python = (time.perf_counter() - began) / rounds / len(frames) * 1e9

program = HERE / ".build" / "release" / "edmi-codec"
text = "\n".join(frame.hex() for frame in frames) + "\n"
count = str(max(1, int(options.seconds * 1e9 / 500 / len(frames))))
runs = []
for _ in range(3):
    told = subprocess.run([program, count], input=text, text=True, check=True, capture_output=True).stdout
    runs.append([float(word) for word in told.split()])
swift, arrays = (sorted(column)[1] for column in zip(*runs))
size = sum(map(len, frames)) / len(frames)
print(f"{machine()}; {len(frames)} frames of {size:.0f} bytes on average, decoded and encoded again")
print(f"plain Python: {python:.0f} ns a frame")
for name, own in [("Meterside", swift), ("Meterside, a new array for every body and frame", arrays)]:
    print(f"{name}: {own:.0f} ns a frame, {size / own * 1e3:.0f} MB/s, {python / own:.0f}x (goal 100x)")
finish({
    "machine": machine(), "swift_ns": swift, "arrays_ns": arrays, "python_ns": python, "ratio": python / swift,
    "bytes": size}, "codec")
