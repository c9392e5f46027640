"""Checks an exported journal: meterside ledger export | python3 check_journal.py"""
import hashlib, json, sys

head, count = bytes(32), 0
for count, line in enumerate(sys.stdin.buffer, 1):
    record = json.loads(line)
    stated = record.pop("hash")
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    head = hashlib.sha256(head + hashlib.sha256(canonical).digest()).digest()
    if record["seq"] != count or head.hex() != stated:
        sys.exit(f"record {count} is not what was recorded")
print(f"{count} records are sound, the newest has the hash {head.hex()}")
