"""Another implementation as the client of a running verifier, and as the judge of its answers.

    python3 other-language.py PORT KEYS

Signs requests with the reference in test-vectors (standard library, written from the protocol text), sends them as raw
bytes, and changes one bit or one field at a time, each time with a new nonce and otherwise properly signed or not, as
named. The answer must be the one the reference gives for the same bytes, unless the HTTP parser refused first.
Prints one line a group and exits 1 on any disagreement.
"""
import base64
import datetime
import json
import os
import secrets
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../test-vectors"))
import recompute  # noqa: E402

PORT = int(sys.argv[1])
HOST = "127.0.0.1:%d" % PORT
KEYS = recompute.load_keys(json.load(open(sys.argv[2])))
CREDENTIAL = "orders-service"
SECRET = KEYS[CREDENTIAL]["secrets"][0]["bytes"]
BODY = b'{"sku":"A-1","qty":2}'
disagreements = []


def date_now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")


def signed(method="POST", target="/v1/orders?tag=b&limit=10&tag=a", body=BODY, extra=(), date="Date"):
    """A request as [method, target, fields, body], properly signed with a new nonce."""
    fields = [["Host", HOST], [date, date_now()], ["X-Nonce", secrets.token_urlsafe(16)]]
    if body:
        digest = base64.b64encode(recompute.hashlib.sha256(body).digest()).decode()
        fields += [["Content-Type", "application/json"], ["Content-Digest", "sha-256=:%s:" % digest],
                   ["Content-Length", str(len(body))]]
    fields += [list(field) for field in extra]
    names = sorted(name.lower() for name, _ in fields if name != "Content-Length")
    values = {name.lower(): value for name, value in fields}
    lines = [(name, HOST if name == "host" else values[name]) for name in names]
    text = recompute.string_to_sign("HMAC-256", CREDENTIAL, method, recompute.canonical_target(target), lines)
    mac = base64.b64encode(recompute.mac("HMAC-256", SECRET, text.encode("ascii"))).decode()
    fields.append(["Authorization", "HMAC-256 Credential=%s,SignedHeaders=%s,Signature=%s"
                   % (CREDENTIAL, ";".join(names), mac)])
    return [method, target, fields, body]


def send(request):
    method, target, fields, body = request
    head = "%s %s HTTP/1.1\r\n%s\r\n" % (method, target, "".join("%s: %s\r\n" % tuple(f) for f in fields))
    with socket.create_connection(("127.0.0.1", PORT), timeout=20) as connection:
        connection.sendall(head.encode("latin-1") + body)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            chunk = connection.recv(65536)
            if not chunk:
                break
            answer += chunk
    status = int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0
    _, _, text = answer.partition(b"\r\n\r\n")
    try:
        return status, json.loads(text)
    except ValueError:
        return status, {}


def judge(group, what, request, replayed=False):
    method, target, fields, body = request
    claimed = [[CREDENTIAL, dict((n.lower(), v) for n, v in fields).get("x-nonce", "")]] if replayed else []
    vector = {"request": {"method": method, "target": target, "headers": fields,
                          "bodyBase64": base64.b64encode(body).decode()}, "claimed": claimed}
    defaults = dict(recompute.DEFAULTS, hosts=[HOST],
                    now=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))
    expected = recompute.verify(vector, KEYS, defaults)
    status, answer = send(request)
    got = answer.get("code", "accepted" if status == 200 else None)
    wanted = expected["code"] or "accepted"
    # What Node's parser refuses never reaches the verifier; then it must be one of these and never "accepted".
    parser = got in ("header_malformed", "body_incomplete", "headers_too_many") and status in (400, 431)
    ok = (got == wanted and (status == 200 or status == recompute.status_of(got))) or (got != "accepted" and parser)
    counts = groups.setdefault(group, {})
    counts[got] = counts.get(got, 0) + 1
    if not ok:
        disagreements.append("%s: %s: expected %s, got %s %s" % (group, what, wanted, status, got))


groups = {}

for name, request in {
    "post": signed(), "get": signed("GET", "/", b""), "x-date": signed(date="X-Date"),
    "query": signed("GET", "/a/%7eb?c=%e2%82%ac&b&a=1&a=0&&b=", b""), "empty query": signed("GET", "/a?", b""),
    "extra field": signed(extra=[["X-Request-Id", "7"]]), "delete": signed("DELETE", "/v1/orders/7", b""),
    "get with a body": signed("GET"), "empty field": signed(extra=[["X-Empty", ""]]),
}.items():
    judge("honest", name, request)
    judge("replayed", name, request, replayed=True)


def flips(text):
    """Every text that is one bit away, as Latin-1 characters."""
    for at, character in enumerate(text):
        for bit in range(8):
            yield "bit %d of character %d" % (bit, at), text[:at] + chr(ord(character) ^ (1 << bit)) + text[at + 1:]


def is_line(text):
    return not any(c in text for c in "\r\n")


for what, method in flips("POST"):
    if is_line(method) and " " not in method:
        judge("a bit of the method", what, [method] + signed()[1:])
for what, target in flips("/v1/orders?tag=b&limit=10&tag=a"):
    if is_line(target) and " " not in target:
        request = signed()
        judge("a bit of the target", what, [request[0], target] + request[2:])
for at in range(len(signed()[2])):
    name = signed()[2][at][0]
    for what, _ in flips(signed()[2][at][1]):
        request = signed()
        value = dict(flips(request[2][at][1])).get(what)
        if value is None or not is_line(value):
            continue
        request[2][at][1] = value
        if name != "Content-Length":  # the length decides which bytes are the body; see below
            judge("a bit of " + name, what, request)
for at in range(len(BODY)):
    for bit in range(8):
        request = signed()
        request[3] = BODY[:at] + bytes([BODY[at] ^ (1 << bit)]) + BODY[at + 1:]
        judge("a bit of the body", "bit %d of byte %d" % (bit, at), request)

for at in range(len(signed()[2])):
    for what in ("dropped", "doubled", "renamed", "empty", "upper case", "lower case", "padded"):
        request = signed()
        field = request[2][at]
        if what == "dropped":
            del request[2][at]
            if field[0] == "Content-Length":
                request[3] = b""
        elif what == "doubled":
            request[2].append(list(field))
        elif what == "renamed":
            field[0] = "X-Other-" + field[0]
            if field[0] == "X-Other-Content-Length":
                request[3] = b""
        elif what == "empty":
            field[1] = ""
        elif what == "padded":
            field[1] = " \t" + field[1] + " \t "
        else:
            field[1] = field[1].upper() if what == "upper case" else field[1].lower()
        judge("a field " + what, field[0], request)

for name, value in (("X-HTTP-Method-Override", "DELETE"), ("Content-Encoding", "gzip"), ("X-Date", date_now()),
                    ("Transfer-Encoding", "chunked"), ("Cookie", "a=b"), ("Trailer", "X-Nonce")):
    request = signed()
    request[2].append([name, value])
    judge("a field added", name, request)

for group, counts in groups.items():
    print("%-28s %s" % (group, ", ".join("%s %d" % pair for pair in sorted(counts.items(), key=str))))
print("%d requests, %d disagreements" % (sum(sum(c.values()) for c in groups.values()), len(disagreements)))
for line in disagreements[:40]:
    print(line)
sys.exit(1 if disagreements else 0)
