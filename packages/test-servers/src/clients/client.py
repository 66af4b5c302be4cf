"""Signs one request and sends it, with the standard library only. Prints the status on a line of its own, then the body.

usage: client.py [--ca FILE] [--connect HOST:PORT] METHOD URL [BODY]
with COUNTERSIGN_CREDENTIAL and COUNTERSIGN_SECRET in the environment. A BODY is sent as JSON.
"""
import argparse, base64, hashlib, hmac, http.client, os, re, secrets, socket, ssl, sys
from email.utils import formatdate

parser = argparse.ArgumentParser()
parser.add_argument("--ca", help="PEM file with the authority to trust, instead of the system's")
parser.add_argument("--connect", help="where to connect to, instead of the host of the URL")
parser.add_argument("method")
parser.add_argument("url")
parser.add_argument("body", nargs="?")
arguments = parser.parse_args()

scheme, authority, sent_target = re.fullmatch(r"(https?)://([^/?#]+)(/[^#]*)", arguments.url).groups()


def canonical(piece):
    def one(match):
        character = chr(int(match[1], 16))
        return character if re.fullmatch(r"[A-Za-z0-9._~-]", character) else match[0].upper()

    return re.sub(r"%([0-9A-Fa-f]{2})", one, piece)


path, _, query = sent_target.partition("?")
pieces = sorted((canonical(piece) for piece in query.split("&")), key=lambda piece: piece.partition("=")[0])
target = canonical(path) + ("?" + "&".join(pieces) if query else "")
host = re.sub(r":(80|443)$", "", authority.lower())

body = None if arguments.body is None else arguments.body.encode()
signed = {"date": formatdate(usegmt=True), "host": host, "x-nonce": secrets.token_urlsafe(16)}
if body is not None:
    signed["content-type"] = "application/json"
    signed["content-digest"] = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
signed = dict(sorted(signed.items()))

credential = os.environ["COUNTERSIGN_CREDENTIAL"]
text = os.environ["COUNTERSIGN_SECRET"].removeprefix("csk_")
key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
lines = ["HMAC-256", credential, arguments.method, target, *(f"{name}: {value}" for name, value in signed.items())]
string = "".join(line + "\n" for line in lines)
signature = base64.b64encode(hmac.new(key, string.encode("ascii"), hashlib.sha256).digest()).decode()

name, _, port = authority.partition(":")
default_port = 443 if scheme == "https" else 80
address, _, at = (arguments.connect or f"{name}:{port or default_port}").rpartition(":")
connection = http.client.HTTPConnection(authority)
connection.sock = socket.create_connection((address, int(at)), timeout=20)
if scheme == "https":
    context = ssl.create_default_context(cafile=arguments.ca)
    connection.sock = context.wrap_socket(connection.sock, server_hostname=name)
connection.request(arguments.method, sent_target, body, {
    **signed,
    "host": authority,
    "authorization": f"HMAC-256 Credential={credential},SignedHeaders={';'.join(signed)},Signature={signature}",
})
response = connection.getresponse()
sys.stdout.write(f"{response.status}\n{response.read().decode()}")
