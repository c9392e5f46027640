"""Makes an authority of its own and servers' certificates: make_certificates.py FOLDER

ca.pem signs good.pem (localhost), host.pem (another host) and old.pem (expired); other.pem is signed by nobody known.
Each has its key beside it: good.key …
"""
import datetime
import ipaddress
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(folder, file, subject, issuer, signer, begin=NOW - DAY, end=NOW + DAY, hosts=None):
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=hosts is None, path_length=None), critical=True))
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    signed = builder.sign(signer or key, SHA256())
    folder.joinpath(file + ".pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    folder.joinpath(file + ".key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return key


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority = make(folder, "ca", "test authority", "test authority", None)
    make(folder, "good", "localhost", "test authority", authority, hosts=here)
    make(folder, "host", "elsewhere", "test authority", authority, hosts=[x509.DNSName("elsewhere.example")])
    make(folder, "old", "localhost", "test authority", authority, NOW - 9 * DAY, NOW - 2 * DAY, here)
    make(folder, "other", "localhost", "localhost", None, hosts=here)


main()
