"""Signs the claims on standard input with PyJWT: an independent maker of the signed commands of the contract.

Usage: sign.py SEED_HEX KID [ALG]   (claims: one JSON object, prints the compact serialization; or a list of them,
prints one a line)
"""
import json
import sys

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sys.argv[1]))
claims = json.load(sys.stdin)


def sign(one):
    return jwt.encode(one, key, algorithm="EdDSA", headers={"kid": sys.argv[2]})


print("\n".join(map(sign, claims)) if isinstance(claims, list) else sign(claims), end="")
