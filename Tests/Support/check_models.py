"""Replays the proofs of hardware/meters without any of our code: python3 check_models.py FOLDER.

Each reading is turned back into bytes and compared with the bytes of the reply, so a mistake in a decoder cannot hide
in the proof. Prints the number of readings checked; ends with 1 and a line for each that is wrong.
"""
import binascii
import pathlib
import struct
import sys
import tomllib
from fractions import Fraction

MODBUS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "uint64": ">Q",
          "float32": ">f", "float64": ">d"}
REFUSED = {2: "not_present", 3: "not_present", 5: "not_present", 4: "refused", 9: "refused", 7: "timeout"}


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def packed(form, text, scale):
    raw = Fraction(text) / Fraction(scale)
    return struct.pack(form, float(raw) if form[1] in "fd" else int(raw))


def arranged(data, order):
    words = [data[i:i + 2] for i in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def modbus(model, proof, request, reply):
    assert request[-2:] == crc16(request[:-2]) and reply[-2:] == crc16(reply[:-2]), "checksum"
    unit, function, start, count = struct.unpack(">BBHH", request[:-2])
    assert reply[:3] == bytes([unit, function, 2 * count]) and len(reply) == 5 + 2 * count, "header"
    data = reply[3:-2]
    for row in model["register"]:
        size = struct.calcsize(MODBUS[row["type"]])
        offset = 2 * (row["address"] - start)
        if row["function"] != function or offset < 0 or offset + size > len(data):
            assert row["name"] not in proof["readings"], row["name"]
            continue
        found = data[offset:offset + size]
        wanted = proof["readings"][row["name"]]
        if wanted == "invalid":
            marks = [arranged(bytes.fromhex(mark), row["order"]) for mark in row.get("invalid", [])]
            is_nan = row["type"] == "float32" and struct.unpack(">f", found)[0] != struct.unpack(">f", found)[0]
            assert found in marks or is_nan, row["name"]
        else:
            scale = str(row.get("scale", 1))
            assert found == arranged(packed(MODBUS[row["type"]], wanted, scale), row["order"]), row["name"]
        yield row["name"]


def unframed(wire):
    assert wire[0] == 2 and wire[-1] == 3, "frame"
    body, escaped = bytearray(), False
    for byte in wire[1:-1]:
        if escaped:
            body.append(byte & 0xBF)
        elif byte != 0x10:
            body.append(byte)
        escaped = byte == 0x10 and not escaped
    assert binascii.crc_hqx(b"\x02" + body, 0) == 0, "checksum"
    return bytes(body[:-2])


def edmi(model, proof, request, reply):
    question, answer = unframed(request), unframed(reply)
    if question[0] == 0x45 and len(question) > 11:
        assert answer[1:5] == question[5:9] and answer[5:9] == question[1:5] and answer[9:11] == question[9:11], "ids"
        question, answer = question[11:], answer[11:]
    each = question[:5] == b"M\x00\x00\xff\xf1"
    many = each or question[:5] == b"M\x00\x00\xff\xf0"
    width = 2 if question[0:1] == b"R" else 4
    places = question[5 if many else 1:]
    addresses = [int.from_bytes(places[i:i + width], "big") for i in range(0, len(places), width)]
    rows = {row["address"]: row for row in model["register"]}
    rest = answer[5:] if many else answer[len(question):]
    for address in addresses:
        row = rows.get(address, {"name": "serial", "type": "A"})
        wanted = proof["readings"][row["name"]]
        status = answer[1] if answer[0] == 0x18 else 0
        if each:
            status, rest = rest[0], rest[1:]
        if status:
            assert REFUSED[status] == wanted, row["name"]
        else:
            assert many or answer.startswith(question), "echo"
            size = 8 if row["type"] == "U" else 4
            size = size if many else len(rest)
            found, rest = rest[:size], rest[size:]
            if row["type"] == "A":
                assert found == wanted.encode() + b"\0", row["name"]
            elif wanted == "invalid":
                value = struct.unpack(">f", found)[0]
                assert value != value, row["name"]
            else:
                assert found == packed(">d" if size == 8 else ">f", wanted, str(row.get("scale", 1))), row["name"]
        yield row["name"]
    assert answer[0] == 0x18 or not rest, "length"


def main():
    checked, wrong = 0, 0
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.toml")):
        model = tomllib.loads(path.read_text())
        replay = modbus if model["dialect"] == "modbus" else edmi
        for number, proof in enumerate(model["proof"], 1):
            try:
                names = list(replay(model, proof, bytes.fromhex(proof["request"]), bytes.fromhex(proof["reply"])))
                assert sorted(names) == sorted(proof["readings"]), "readings"
                checked += len(names)
            except (AssertionError, KeyError, struct.error) as error:
                wrong += 1
                print(f"{path.name}: proof {number}: {error!r}")
    print(checked)
    sys.exit(1 if wrong else 0)


main()
