"""Puts TLS in front of a plain server on this machine: tls_front.py CERTIFICATE KEY PLAIN_PORT [CLIENT_CA]

Prints the port it listens on. A line "CERTIFICATE KEY" on its standard input makes it show another certificate from
then on, and prints "ok". Ends when its standard input is closed.
"""
import os
import socket
import ssl
import sys
import threading


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def make_context(certificate, key, client_ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_ca)
    return context


def serve(raw, context, plain_port):
    try:
        client = context.wrap_socket(raw, server_side=True)
        server = socket.create_connection(("127.0.0.1", plain_port))
    except OSError:
        raw.close()
        return
    back = threading.Thread(target=pump, args=(server, client), daemon=True)
    back.start()
    pump(client, server)
    back.join()
    client.close()
    server.close()


def main():
    certificate, key, plain_port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client_ca = sys.argv[4] if len(sys.argv) > 4 else None
    shown = [make_context(certificate, key, client_ca)]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def obey():
        for line in sys.stdin:
            shown[0] = make_context(*line.split(), client_ca)
            print("ok", flush=True)
        # Whoever started us held the other end of our standard input: it went, we go.
        os._exit(0)

    threading.Thread(target=obey, daemon=True).start()
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, shown[0], plain_port), daemon=True).start()


main()
