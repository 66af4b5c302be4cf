#!/usr/bin/env python3
"""Writes the JSON files of this directory from the case definitions below.

    python3 generate.py            write the files
    python3 generate.py --check    fail if a committed file differs from what would be written

Every case states by hand what must come of it: accepted, or which code at which stage. A unit states its result.
The reference in recompute.py must agree, or nothing is written. Requests are signed by an honest signer that does
not check what it signs, so that the named fault is the only reason to refuse.
"""
import base64
import datetime
import hashlib
import json
import os
import re
import sys

sys.dont_write_bytecode = True
import recompute as R

PROBLEMS = []
ACCEPTED, REFUSED = [], []
UNITS = {name: [] for name in R.UNIT_FILES}


def b64(raw):
    return base64.b64encode(raw).decode("ascii")


def b64url(raw):
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def seed(text, size):
    return hashlib.shake_256(text.encode("utf-8")).digest(size)


def csk(raw):
    return "csk_" + b64url(raw)


# ---- keys ----------------------------------------------------------------------------------------

EXAMPLE_SECRET = bytes(range(32))
ZERO_TAIL = seed("zero-tail", 31) + b"\0"
LONG_65 = seed("long-65", 65)
CRED_128 = "c" * 100 + ".Service_128-" + "z" * 15


def key(credential, *secrets, **members):
    return dict({"credential": credential}, **members, secrets=[
        s if isinstance(s, dict) else {"secret": csk(s)} for s in secrets])


KEYS = {"keys": [
    key("orders-service", {"id": "2020-01", "secret": csk(EXAMPLE_SECRET)}, group="orders"),
    key("orders-twin", {"id": "same", "secret": csk(EXAMPLE_SECRET)}, algorithm="HMAC-256", status="active"),
    key("orders-512", {"id": "same", "secret": csk(EXAMPLE_SECRET)}, algorithm="HMAC-512", group="orders"),
    key("billing-service", {"id": "b1", "secret": csk(seed("billing", 64))}, algorithm="HMAC-512"),
    key("other-service", {"id": "o1", "secret": csk(seed("other", 32))}),
    key("disabled-service", {"id": "d1", "secret": csk(seed("disabled", 32))}, status="disabled"),
    key("disabled-512", {"id": "d1", "secret": csk(seed("disabled-512", 64))}, algorithm="HMAC-512", status="disabled"),
    key("expired-service", {"id": "e1", "secret": csk(seed("expired", 32)), "notAfter": "2020-01-01T00:00:00Z"}),
    key("future-service", {"id": "f1", "secret": csk(seed("future", 32)), "notBefore": "2020-02-01T00:00:00Z"}),
    key("rotating-service",
        {"id": "gone", "secret": csk(seed("rotating-gone", 32)), "notAfter": "2019-12-31T23:59:59Z"},
        {"id": "old", "secret": csk(seed("rotating-old", 32)), "notAfter": "2020-01-01T12:05:00Z"},
        {"id": "current", "secret": csk(seed("rotating-current", 48)), "notBefore": "2019-12-01T00:00:00Z"},
        {"id": "next", "secret": csk(seed("rotating-next", 32)), "notBefore": "2020-01-01T12:00:00Z", "notAfter": "2021-01-01T00:00:00Z"},
        {"id": "later", "secret": csk(seed("rotating-later", 32)), "notBefore": "2020-01-01T12:05:00Z"}),
    key("window-service", {"id": "w1", "secret": csk(seed("window", 32)),
                           "notBefore": "2020-01-01T12:00:30Z", "notAfter": "2020-01-01T12:00:31Z"}),
    key("offset-service", {"id": "z1", "secret": csk(seed("offset", 32)),
                           "notBefore": "2020-01-01T13:00:30.250+01:00", "notAfter": "2020-01-01T07:30:30.750-04:30"}),
    key("zero-tail", {"id": "32", "secret": csk(ZERO_TAIL)}),
    key("zero-tail-33", {"id": "33", "secret": csk(ZERO_TAIL + b"\0")}),
    key("block-64", {"id": "64", "secret": csk(seed("block-64", 64))}),
    key("long-65", {"id": "65", "secret": csk(LONG_65)}),
    key("hashed-65", {"id": "hash", "secret": csk(hashlib.sha256(LONG_65).digest())}),
    key("block-128", {"id": "128", "secret": csk(seed("block-128", 128))}, algorithm="HMAC-512"),
    key("long-129", {"id": "129", "secret": csk(seed("long-129", 129))}, algorithm="HMAC-512"),
    key("long-300", {"id": "300", "secret": csk(seed("long-300", 300))}),
    key("high-bytes", {"id": "ff", "secret": csk(b"\xff" * 32)}),
    key("no-id", seed("no-id", 32)),
    key("a", {"id": "one", "secret": csk(seed("a", 32))}),
    key(CRED_128, {"id": "max", "secret": csk(seed("max", 32))}),
    key("A.b_c-9", {"id": "all", "secret": csk(seed("all", 32))}),
]}
LOADED = R.load_keys(KEYS)

# ---- the honest signer ---------------------------------------------------------------------------

BASE = 1577880030                                   # 2020-01-01T12:00:30Z
EPOCH = datetime.datetime(1970, 1, 1)
DATE = "Wed, 01 Jan 2020 12:00:30 GMT"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def imf(seconds):
    at = EPOCH + datetime.timedelta(seconds=seconds)
    return "%s, %02d %s %04d %02d:%02d:%02d GMT" % (DAYS[at.weekday()], at.day, MONTHS[at.month - 1], at.year,
                                                    at.hour, at.minute, at.second)


assert imf(BASE) == DATE


def digest(body, *algorithms):
    return ", ".join("%s=:%s:" % (a, b64(hashlib.new(a.replace("-", ""), body).digest())) for a in algorithms or ("sha-256",))


def loose_target(target):
    """What a signer without checks would sign: normalise what can be, keep the rest."""
    def step(text):
        def one(match):
            c = chr(int(match.group(1), 16))
            return c if c in R.UNRESERVED else match.group(0).upper()
        return re.sub(r"%([0-9A-Fa-f]{2})", one, text)
    path, _, query = target.partition("?")
    pieces = sorted((step(p) for p in query.split("&")), key=lambda p: p.partition("=")[0])
    return step(path) + ("?" + "&".join(pieces) if query else "")


def loose_host(value):
    return re.sub(r":(80|443)\Z", "", R.ascii_lower(value))


AUTO = object()


def build(name, method="GET", target="/", headers=(), body=None, host="api.example.com", date=DATE, time_field="Date",
          nonce=AUTO, digest_value=AUTO, length=AUTO, also=(), without=(), names=AUTO, credential="orders-service",
          secret=None, scheme=None, sign=None, values=None, text=None, signature=None, authorization=None, tail=()):
    """A signed request. `sign` overrides what goes into the string, `values` header values in it, `text` edits the
    whole string, `signature` edits the MAC's base64, `authorization` builds the field from its four parts."""
    raw = body.encode("utf-8") if isinstance(body, str) else (body or b"")
    nonce = b64url(seed("nonce " + name, 16)) if nonce is AUTO else nonce
    pairs = [("Host", host), (time_field, date), ("X-Nonce", nonce)]
    pairs = [p for p in pairs if p[1] is not None] + list(headers)
    if digest_value is AUTO:
        digest_value = digest(raw) if body is not None else None
    if digest_value is not None:
        pairs.append(("Content-Digest", digest_value))
    length = str(len(raw)) if length is AUTO and body is not None else None if length is AUTO else length
    if length is not None:
        pairs.append(("Content-Length", length))
    pairs += list(tail)
    present = {}
    for field, value in pairs:
        present.setdefault(R.ascii_lower(field), []).append(R.trim(value))
    if names is AUTO:
        usual = {"host", R.ascii_lower(time_field), "x-nonce", "content-digest", "content-type", "content-encoding"} | set(R.OVERRIDES)
        names = sorted(({n for n in present if n in usual} | set(also)) - set(without))
    stored = LOADED.get(credential)
    scheme = scheme or (stored["algorithm"] if stored else "HMAC-256")
    upper = scheme.upper()
    algorithm = upper if upper in R.HASHES else "HMAC-256"
    if isinstance(secret, str):
        secret = [s["bytes"] for s in stored["secrets"] if s["id"] == secret][0]
    if secret is None:
        secret = stored["secrets"][0]["bytes"] if stored else bytes(32)
    lines = []
    for field in names:
        value = ", ".join(present.get(field, [""]))
        value = loose_host(value) if field == "host" else value
        lines.append((field, (values or {}).get(field, value)))
    over = dict({"scheme": upper, "credential": credential, "method": method, "target": loose_target(target)}, **(sign or {}))
    string = R.string_to_sign(over["scheme"], over["credential"], over["method"], over["target"], lines)
    string = text(string) if text else string
    tag = b64(R.mac(algorithm, secret, string if isinstance(string, bytes) else string.encode("latin-1")))
    tag = signature(tag) if signature else tag
    field = (authorization or R.compose_authorization)(scheme, credential, names, tag)
    if field is not None:
        pairs.append(("Authorization", field))
    request = {"method": method, "target": target, "headers": [list(p) for p in pairs]}
    if isinstance(body, str):
        request["body"] = body
    elif body is not None:
        request["bodyBase64"] = b64(body)
    return request


def vector(name, why, stage, verifier, claimed, tamper, fields, make):
    request = make(name, **fields)
    if tamper:
        tamper(request)
    made = {"name": name, "why": why}
    if stage is not None:
        made["stage"] = stage
    made["request"] = request
    if verifier:
        made["verifier"] = verifier
    if claimed:
        made["claimed"] = claimed
    return made, R.verify(made, LOADED, R.DEFAULTS)


def acc(name, why, canon=None, secret_id=AUTO, verifier=None, claimed=None, tamper=None, make=build, **fields):
    made, got = vector(name, why, None, verifier, claimed, tamper, fields, make)
    if got["verdict"] != "accepted":
        PROBLEMS.append("%s: meant to be accepted, refused with %s" % (name, got["code"]))
        return
    if canon is not None and got["canonicalTarget"] != canon:
        PROBLEMS.append("%s: canonical target %s" % (name, got["canonicalTarget"]))
    if secret_id is not AUTO and got["secretId"] != secret_id:
        PROBLEMS.append("%s: secret %s" % (name, got["secretId"]))
    for member in ("credential", "secretId", "signedHeaders", "canonicalTarget", "stringToSign", "signature"):
        made[member] = got[member]
    ACCEPTED.append(made)


def ref(code, stage, name, why, verifier=None, claimed=None, tamper=None, make=build, **fields):
    made, got = vector(name, why, stage, verifier, claimed, tamper, fields, make)
    if (got["code"], got.get("stage")) != (code, stage):
        PROBLEMS.append("%s: meant %s at %s, got %s at %s" % (name, code, stage, got["code"], got.get("stage")))
        return
    made.update(code=code, publicCode=R.public_code(code), status=R.status_of(code))
    for member in ("canonicalTarget", "stringToSign"):
        if got[member] is not None:
            made[member] = got[member]
    REFUSED.append(made)


def unit(file, name, why, **members):
    made = dict({"name": name, "why": why}, **members)
    wrong = R.check_unit(file, made)
    if wrong:
        PROBLEMS.append("%s %s: %s" % (file, name, wrong))
    UNITS[file].append(made)


# ---- edits made after signing --------------------------------------------------------------------

def put(field, value):
    def edit(request):
        for pair in request["headers"]:
            if R.ascii_lower(pair[0]) == field:
                pair[1] = value(pair[1]) if callable(value) else value
    return edit


def drop(field):
    def edit(request):
        request["headers"] = [p for p in request["headers"] if R.ascii_lower(p[0]) != field]
    return edit


def more(*pairs):
    return lambda request: request["headers"].extend(list(p) for p in pairs)


def first(*pairs):
    def edit(request):
        request["headers"][:0] = [list(p) for p in pairs]
    return edit


def line(**members):
    return lambda request: request.update(members)


def both(*edits):
    return lambda request: [edit(request) for edit in edits]


def flip(index, bit=1):
    """Flip one bit of the signature, keeping the base64 canonical."""
    def edit(tag):
        raw = bytearray(base64.b64decode(tag))
        raw[index] ^= bit
        return b64(bytes(raw))
    return edit


WORKED = dict(method="POST", target="/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9", host="API.example.com:443",
              headers=[("Content-Type", "application/json")], body='{"sku":"A-1","qty":2}', nonce="4fA9sGdR2l3n0QwErTy8uA")
WORKED_CANON = "/v1/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a"
WORKED_TAG = "Wbnr4FycH4qrimxeaMV+q91dne9JsVaTUxeE0+M4E70="
GET_TAG = "f4CAccSKFrrTJ34OULkmiEhBllq5xePMlMdHOaApjcM="
JSON_TYPE = [("Content-Type", "application/json")]
POST = dict(method="POST", headers=JSON_TYPE, body='{"ok":true}')


def worked(**changes):
    return dict(WORKED, **changes)


def posted(**changes):
    return dict(POST, **changes)


# ---- accepted ------------------------------------------------------------------------------------

def accepted():
    acc("worked-example", "The worked example of the protocol.", canon=WORKED_CANON, secret_id="2020-01", **WORKED)
    acc("plain-get", "The plain GET of the protocol text.", canon="/", nonce="A" * 22)

    for name, why, target in (
            ("worked-tilde-literal", "An encoded unreserved character signs as the character, so ~ and %7e are one target.",
             "/v1/orders/~alice?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("worked-upper-hex", "Hex of either case signs alike.", "/v1/orders/%7Ealice?tag=b&limit=10&tag=a&note=caf%C3%A9"),
            ("worked-other-order", "Moving names around changes nothing while the pieces of one name keep their order.",
             "/v1/orders/%7ealice?note=caf%c3%a9&tag=b&tag=a&limit=10"),
            ("worked-encoded-digit", "An encoded digit in the query signs as the digit.",
             "/v1/orders/%7ealice?tag=b&limit=1%30&tag=a&note=caf%c3%a9"),
            ("worked-encoded-name", "An encoded letter in a name signs as the letter.",
             "/v1/orders/%7ealice?%74ag=b&limit=10&tag=a&note=caf%c3%a9")):
        acc(name, why, canon=WORKED_CANON, tamper=line(target=target), **WORKED)
    for name, why, host in (("worked-host-lower", "The host is lower-cased before it is signed.", "api.example.com:443"),
                            ("worked-host-no-port", "The default port is dropped before signing.", "API.EXAMPLE.COM"),
                            ("worked-host-port-80", "Port 80 is dropped as well, whatever the connection.", "Api.Example.Com:80"),
                            ("worked-host-ows", "Optional white space around the host is removed.", " \tapi.example.com\t ")):
        acc(name, why, canon=WORKED_CANON, tamper=put("host", host), **WORKED)
    acc("worked-spaces-after-commas", "One space after each comma of the Authorization field is allowed.", canon=WORKED_CANON,
        tamper=put("authorization", lambda v: v.replace(",", ", ")), **WORKED)
    acc("worked-one-space", "A space after one comma and none after the other is allowed.",
        tamper=put("authorization", lambda v: v.replace(",Sig", ", Sig")), **WORKED)
    acc("worked-scheme-lower", "The scheme is case-insensitive; the string to sign has it in upper case.",
        tamper=put("authorization", lambda v: v.replace("HMAC", "hmac")), **WORKED)
    acc("worked-scheme-mixed", "Any mix of case will do for the scheme.",
        tamper=put("authorization", lambda v: v.replace("HMAC", "hMaC")), **WORKED)
    acc("worked-authorization-ows", "White space around the whole Authorization value belongs to HTTP, not to it.",
        tamper=put("authorization", lambda v: " \t" + v + "\t "), **WORKED)
    acc("worked-names-upper", "Field names are case-insensitive on the wire.",
        tamper=lambda r: [p.__setitem__(0, p[0].upper()) for p in r["headers"]], **WORKED)
    acc("worked-names-lower", "HTTP/2 sends field names in lower case.",
        tamper=lambda r: [p.__setitem__(0, p[0].lower()) for p in r["headers"]], **WORKED)
    acc("worked-reversed-fields", "The order of the fields on the wire does not matter.",
        tamper=lambda r: r["headers"].reverse(), **WORKED)
    acc("worked-unsigned-extra", "Fields nobody signed are not looked at.",
        tamper=more(("Accept", "*/*"), ("User-Agent", "x")), **WORKED)
    acc("worked-other-host-listed", "A second host the verifier serves does not disturb the first.",
        verifier={"hosts": ["www.example.com", "API.example.com:443"]}, **WORKED)

    # targets
    for name, why, target, canon in (
            ("target-empty-query", "A question mark with nothing behind it is dropped.", "/a?", "/a"),
            ("target-trailing-slash", "An empty last segment is allowed and kept.", "/a/b/", "/a/b/"),
            ("target-plus", "A plus sign is a plus sign, not a space.", "/s?q=a+b&r=%2B", "/s?q=a+b&r=%2B"),
            ("target-space-encoded", "An encoded space stays encoded.", "/a%20b?c%20d=e%20f", "/a%20b?c%20d=e%20f"),
            ("target-empty-pieces", "Empty pieces of the query are kept and sort first.", "/?b=1&&a=2&", "/?&&a=2&b=1"),
            ("target-lone-ampersand", "A single ampersand is two empty pieces, not an empty query.", "/?&", "/?&"),
            ("target-name-only", "A name without an equals sign stays without one.", "/?b&a", "/?a&b"),
            ("target-name-empty-value", "A name with an empty value keeps its equals sign.", "/?b=&a=", "/?a=&b="),
            ("target-bare-and-empty", "The pieces a and a= have one name and keep their order.", "/?a=&a&a=1", "/?a=&a&a=1"),
            ("target-stable-sort", "Sorting is stable: equal names keep the order they were sent in.",
             "/?b=2&a=9&b=1&a=1&b=3", "/?a=9&a=1&b=2&b=1&b=3"),
            ("target-byte-order", "Names sort by byte: upper case, underscore, lower case, tilde.",
             "/?~=1&a=2&_=3&A=4&Z=5&0=6&-=7", "/?-=7&0=6&A=4&Z=5&_=3&a=2&~=1"),
            ("target-sort-by-name-only", "The name alone is compared, so a comes before a-b although a= does not.",
             "/?a-b=1&a=2&a!=3", "/?a=2&a!=3&a-b=1"),
            ("target-prefix-names", "A name that is the beginning of another sorts first.", "/?ab=1&a=2&abc=3", "/?a=2&ab=1&abc=3"),
            ("target-encoded-names-sort", "Names are compared after normalisation, in their encoded form.",
             "/?z=1&%c3%a9=2&%41=3&%7e=4", "/?%C3%A9=2&A=3&z=1&~=4"),
            ("target-encoded-name-equal", "Two spellings of one name are one name and keep their order.",
             "/?b=0&%61=2&a=1", "/?a=2&a=1&b=0"),
            ("target-encoded-separators", "An encoded ampersand or equals sign stays encoded and separates nothing.",
             "/?b=1%262&a%3Db=3&a=1%3d2", "/?a=1%3D2&a%3Db=3&b=1%262"),
            ("target-equals-in-value", "Only the first equals sign ends the name.", "/?b==&a=1=2=3", "/?a=1=2=3&b=="),
            ("target-empty-name", "A piece that begins with an equals sign has an empty name.", "/?b=1&=v", "/?=v&b=1"),
            ("target-question-in-query", "A second question mark is part of the query.", "/p?a=?&?=b", "/p??=b&a=?"),
            ("target-slash-in-query", "Path rules do not reach the query.", "/p?next=/a/../b//c&d=..", "/p?d=..&next=/a/../b//c"),
            ("target-controls-in-query", "Encoded controls but NUL may stand in the query.", "/?a=%0a%0D%7f%1b", "/?a=%0A%0D%7F%1B"),
            ("target-subdelims", "Characters that need no encoding are left alone.", "/a!$&'()*+,;=:@b?c!$'()*,;:@/", "/a!$&'()*+,;=:@b?c!$'()*,;:@/"),
            ("target-subdelims-encoded", "Encoded sub-delimiters stay encoded and differ from bare ones.", "/%21%24%26%27%28%29", "/%21%24%26%27%28%29"),
            ("target-odd-visible", "Visible characters a strict URI would not hold are kept byte for byte.", "/a\"<>^`{|}?b\"<>^`{|}[]", "/a\"<>^`{|}?b\"<>^`{|}[]"),
            ("target-encoded-slash", "An encoded slash stays encoded.", "/a%2fb%2F", "/a%2Fb%2F"),
            ("target-double-encoded-slash", "Empty pieces made by encoded slashes are not empty segments.", "/a%2f%2fb", "/a%2F%2Fb"),
            ("target-encoded-backslash", "An encoded backslash that makes no dot segment is kept.", "/a%5cb", "/a%5Cb"),
            ("target-encoded-hash", "An encoded number sign is an ordinary byte.", "/a%23b?c%23d", "/a%23b?c%23d"),
            ("target-double-encoded-dots", "Twice-encoded dots are not decoded twice.", "/a/%252e%252e/b", "/a/%252e%252e/b"),
            ("target-three-dots", "Three dots are a name like any other.", "/a/.../b/.c/d./..e", "/a/.../b/.c/d./..e"),
            ("target-dots-after-semicolon", "Dots behind a semicolon are a parameter.", "/a;../b;./;..", "/a;../b;./;.."),
            ("target-semicolon-parameter", "A path parameter is kept.", "/a;v=1/b%3bc", "/a;v=1/b%3Bc"),
            ("target-unreserved-all", "All of the encoded unreserved characters are decoded.", "/%41%5A%61%7a%30%39%2d%2e%5f%7E", "/AZaz09-._~"),
            ("target-high-bytes", "Bytes that are not UTF-8 are only hex to us.", "/%ff%fe?%80=%C0%80", "/%FF%FE?%80=%C0%80"),
            ("target-prototype-names", "Names that are special in some languages are ordinary here.",
             "/constructor?__proto__=1&toString=2&constructor=3&hasOwnProperty=4", "/constructor?__proto__=1&constructor=3&hasOwnProperty=4&toString=2"),
            ("target-numeric-names", "Names that look like numbers sort as text and stay in order.", "/?10=a&9=b&2=c&10=d", "/?10=a&10=d&2=c&9=b"),
            ("target-encoded-percent", "An encoded percent sign stays encoded.", "/%25?%25=%2525", "/%25?%25=%2525"),
            ("target-longest", "A target of 8,192 characters is the longest.", "/" + "a" * 8191, "/" + "a" * 8191),
            ("target-hundred-pieces", "Many pieces of one name keep their order.",
             "/?" + "&".join("k%d=%d" % (i * 7 % 3, i) for i in range(40)),
             "/?" + "&".join("k%d=%d" % (k, i) for k in range(3) for i in range(40) if i * 7 % 3 == k))):
        acc(name, why, canon=canon, target=target)

    # methods
    for method in ("HEAD", "DELETE", "OPTIONS", "get", "PROPFIND", "M-SEARCH", "X!#$%&'*+.^_`|~9"):
        acc("method-" + re.sub("[^a-z-]+", "", {"get": "lower-case"}.get(method, method.lower())),
            "The method is signed as sent, and any token is a method.", method=method)

    # hosts
    for name, why, host, listed in (
            ("host-port", "A port that is not a default port is kept.", "api.example.com:8443", "api.example.com:8443"),
            ("host-port-leading-zero", "Only the exact ports 80 and 443 are dropped; :0443 is kept.", "api.example.com:0443", "api.example.com:0443"),
            ("host-ipv4", "An IPv4 address is a host.", "192.0.2.1", "192.0.2.1"),
            ("host-ipv6", "A bracketed IPv6 address is a host; it is lower-cased, not rewritten.", "[2001:DB8::1]:443", "[2001:db8::1]"),
            ("host-ipv6-port", "An IPv6 address may have a port.", "[::1]:8080", "[::1]:8080"),
            ("host-ipv6-embedded-ipv4", "An IPv6 address may end in an IPv4 address.", "[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]"),
            ("host-underscore", "An underscore is allowed in a host.", "my_service", "my_service"),
            ("host-trailing-dot", "A trailing dot is part of the host.", "api.example.com.", "api.example.com."),
            ("host-list-normalised", "The verifier's list is normalised in the same way as the field.", "api.example.com", "API.Example.com:80")):
        acc(name, why, host=host, verifier={"hosts": [listed]})

    # time
    for offset in (0, -1, 1, -299, 299, -300, 300):
        acc("date-offset-%s%d" % ("minus-" if offset < 0 else "", abs(offset)), "A date within the skew, both ends included, is fresh.", date=imf(BASE + offset))
    acc("date-now-cut-late", "The clock is cut to whole seconds, so 300.999 s late counts as 300.", verifier={"now": "2020-01-01T12:05:30.999Z"})
    acc("date-now-cut-early", "The clock is cut to whole seconds, not rounded.", date=imf(BASE + 300), verifier={"now": "2020-01-01T12:00:30.999Z"})
    acc("date-skew-1", "A skew of one second accepts one second.", date=imf(BASE - 1), verifier={"skew": 1})
    acc("date-skew-3600", "A skew of an hour accepts an hour.", date=imf(BASE + 3600), verifier={"skew": 3600})
    acc("date-leap-day", "The last day of February in a leap year is real.", date="Sat, 29 Feb 2020 23:59:59 GMT", verifier={"now": "2020-03-01T00:00:00Z"})
    acc("date-new-year", "The window may span a new year.", date="Tue, 31 Dec 2019 23:59:00 GMT", verifier={"now": "2020-01-01T00:00:10Z"})
    acc("x-date", "A client that cannot set Date signs X-Date.", time_field="X-Date")
    acc("x-date-unsigned-date-ignored", "Only the signed one of the two is believed; the other may say anything.", time_field="X-Date", headers=[("Date", "aaaa")], without=["date"])
    acc("date-unsigned-x-date-ignored", "An unsigned X-Date beside a signed Date is ignored.", headers=[("X-Date", imf(BASE - 86400))])
    acc("date-ows", "Optional white space around a signed value is removed.", tamper=put("date", "  " + DATE + "\t"))

    # nonces
    for size in (16, 17, 127, 128):
        acc("nonce-%d" % size, "A nonce has 16 to 128 characters.", nonce=("aZ09_-" * 22)[:size])
    acc("nonce-dashes", "A nonce may consist of dashes.", nonce="-" * 16)
    acc("nonce-other-credential", "A nonce belongs to its credential: another one used the same.", nonce="sharedNonce_shared-0", claimed=[["other-service", "sharedNonce_shared-0"]])
    acc("nonce-case-differs", "Nonces are compared with case.", nonce="abcdefghijklmnop", claimed=[["orders-service", "ABCDEFGHIJKLMNOP"], ["orders-service", "abcdefghijklmno"]])
    acc("nonce-concatenation", "Credential and nonce are two parts, never one joined text.", credential="a", nonce="-bcdefghijklmnopq", claimed=[["a-", "bcdefghijklmnopq"], ["a-b", "cdefghijklmnopqr"]])

    # keys
    for credential, sid, why in (
            ("orders-512", "same", "A key of HMAC-512 has a signature of 88 characters."),
            ("billing-service", "b1", "HMAC-512 with a 64-byte secret."),
            ("zero-tail", "32", "A secret may end in a zero byte."),
            ("zero-tail-33", "33", "One more zero byte is another secret text, but the same MAC key."),
            ("block-64", "64", "A secret as long as the block of SHA-256 is used as it is."),
            ("long-65", "65", "A secret longer than the block is hashed first."),
            ("hashed-65", "hash", "The hash of a long secret is an equal MAC key under another credential."),
            ("block-128", "128", "A secret as long as the block of SHA-512 is used as it is."),
            ("long-129", "129", "A secret longer than the block of SHA-512 is hashed first."),
            ("long-300", "300", "There is no upper bound to a secret."), ("high-bytes", "ff", "A secret is bytes, not text."),
            ("no-id", None, "A secret need not have an id."), ("a", "one", "A credential of one character."),
            (CRED_128, "max", "A credential of 128 characters."), ("A.b_c-9", "all", "A credential of all kinds of characters."),
            ("orders-twin", "same", "Two credentials may share a secret; the string to sign tells them apart.")):
        acc("key-" + ("credential-128" if credential == CRED_128 else re.sub("[^a-z0-9-]", "-", credential.lower())), why, secret_id=sid, credential=credential)
    for sid in ("old", "current", "next"):
        acc("rotation-" + sid, "Each secret that is live now is tried.", credential="rotating-service", secret=sid, secret_id=sid)
    acc("rotation-old-last-instant", "A secret is live until just before notAfter.", credential="rotating-service", secret="old", secret_id="old", verifier={"now": "2020-01-01T12:04:59.999Z"})
    acc("rotation-later-first-instant", "A secret is live from notBefore on.", credential="rotating-service", secret="later", secret_id="later", verifier={"now": "2020-01-01T12:05:00Z"})
    acc("window-first-instant", "The instant of notBefore is inside.", credential="window-service")
    acc("window-last-instant", "Secrets are dated by the exact clock, not by the second.", credential="window-service", verifier={"now": "2020-01-01T12:00:30.999Z"})
    acc("window-offset-start", "The bounds may have an offset and a fraction.", credential="offset-service", verifier={"now": "2020-01-01T12:00:30.250Z"})
    acc("window-offset-end", "The end is outside, just before it is inside.", credential="offset-service", verifier={"now": "2020-01-01T12:00:30.749Z"})

    # header values
    for name, why, value in (
            ("value-empty", "An empty value signs as name, colon, space.", ""),
            ("value-only-ows", "A value of white space alone is empty.", " \t "),
            ("value-inner-spaces", "Inner spaces are kept byte for byte.", "a   b  c"),
            ("value-tab", "An inner tab is kept.", "a\tb"),
            ("value-case-kept", "The case of a value is kept.", "MiXed"),
            ("value-looks-like-line", "A colon in a value changes nothing.", "x-nonce: other"),
            ("value-visible-all", "Every visible byte may be signed.", "".join(map(chr, range(33, 127)))),
            ("value-long", "A long value is signed whole.", "v" * 4000)):
        acc(name, why, headers=[("X-Extra", value)], also=["x-extra"])
    acc("value-outer-ows", "White space around a value is removed before signing.", headers=[("X-Extra", "v")], also=["x-extra"], tamper=put("x-extra", "\t  v \t"))
    acc("value-high-byte-unsigned", "A byte that could not be signed does no harm in a field nobody signed.", headers=[("X-Extra", "caf\u00e9")])
    acc("value-control-unsigned", "A control byte in an unsigned field is not looked at.", headers=[("X-Extra", "a\u0001b")])
    acc("unsigned-duplicates", "Fields that are neither signed nor on the list of single ones may repeat.", headers=[("Accept", "a"),
            ("Accept", "b"), ("Cookie", "c=1"), ("cookie", "d=2")])
    acc("proto-header-signed", "A field named __proto__ is a field like any other.", headers=[("__proto__", "x"),
            ("constructor", "y")], also=["__proto__", "constructor"])
    acc("sorted-by-byte", "The list of names is in byte order.", headers=[("X_A", "1"), ("X-A", "2"), ("X.A", "3"),
            ("X~", "4"), ("!x", "5")], also=["x_a", "x-a", "x.a", "x~", "!x"])
    acc("hop-by-hop-unsigned", "Hop-by-hop fields may be there unsigned.", headers=[("Connection", "keep-alive"),
            ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Upgrade", "h2c")])
    acc("content-length-signed", "Content-Length may be signed.", also=["content-length"], **POST)
    acc("forwarded-ignored", "Forwarded fields say nothing about the host.", headers=[("X-Forwarded-Host", "evil.example"),
            ("Forwarded", "host=evil.example")])
    acc("headers-100", "A hundred fields are the most.", headers=[("X-%d" % i, "v") for i in range(96)])
    acc("signed-32", "Thirty-two signed names are the most.", headers=[("X-%02d" % i, "v") for i in range(29)], also=["x-%02d" % i for i in range(29)])
    long_names = ["x-%02d-%s" % (i, "n" * 130) for i in range(28)]
    used = len(R.compose_authorization("HMAC-256", "orders-service", sorted(long_names + ["date", "host", "x-nonce"]), "x" * 44))
    padded = long_names[:-1] + [long_names[-1] + "n" * (4096 - used)]
    acc("authorization-4096", "An Authorization value of 4,096 characters is the longest.", headers=[(n, "v") for n in padded], also=padded)
    over = padded[:-1] + [padded[-1] + "n"]
    ref("authorization_malformed", 2, "authorization-4097", "One character more than 4,096 is too long, however well formed.", headers=[(n, "v") for n in over], also=over)

    # coverage
    acc("required-signed", "A field the verifier requires is there and signed.", headers=[("X-Tenant", "t1")], also=["x-tenant"], verifier={"requiredHeaders": ["x-tenant"]})
    acc("required-empty", "A required field may be empty.", headers=[("X-Tenant", "")], also=["x-tenant"], verifier={"requiredHeaders": ["x-tenant"]})
    for name in R.OVERRIDES:
        acc("override-signed-" + name, "A method override that is signed is only another field; it does not change the method signed.", method="POST", body="", headers=[(name, "DELETE")])
    acc("content-type-on-get", "Content-Type is signed when it is there, body or not.", headers=[("Content-Type", "text/plain; charset=utf-8")])
    acc("content-type-empty", "An empty Content-Type is there, and signed.", headers=[("Content-Type", "")])

    # bodies
    acc("body-empty-post", "An empty POST carries the digest of nothing.", method="POST", body="")
    acc("body-post-without-anything", "An empty POST without a digest is accepted; sending it is the signer's duty only.", method="POST")
    acc("body-get", "A GET may have a body, and then it is signed.", method="GET", body="q=1", headers=[("Content-Type", "text/plain")])
    acc("body-delete", "A DELETE may have a body.", method="DELETE", body="x")
    acc("body-length-zero-no-digest", "Content-Length 0 is no body and needs no digest.", method="POST", body="", digest_value=None)
    acc("body-digest-without-body", "A digest over nothing may be signed on a GET.", digest_value=digest(b""))
    acc("body-digest-unsigned-without-body", "Without a body the digest need not be signed; it is checked all the same.", digest_value=digest(b""), without=["content-digest"])
    acc("body-not-text", "A body is bytes.", method="PUT", body=bytes(range(256)))
    acc("body-utf8", "Text beyond ASCII is hashed as the bytes sent.", method="PUT", body="caf\u00e9 \u2603 \U0001f600\r\n")
    acc("body-zero-bytes", "Zero bytes count.", method="PUT", body=b"\0\0\0")
    for coding in ("chunked", "Chunked", "CHUNKED"):
        acc("chunked-" + {"chunked": "lower", "Chunked": "mixed", "CHUNKED": "upper"}[coding], "Transfer-Encoding chunked is a body; the digest is over what the chunks hold.",
            method="POST", body="abc", length=None, tail=[("Transfer-Encoding", coding)])
    acc("chunked-empty", "A chunked body may turn out empty; it has a digest all the same.", method="POST", body="", length=None, tail=[("Transfer-Encoding", "chunked")])
    acc("chunked-get", "A chunked GET has a body.", body="abc", length=None, tail=[("Transfer-Encoding", "chunked")])
    acc("body-undeclared", "Bytes without Content-Length, as HTTP/2 may send them, are covered by a signed digest.", method="POST", body="abc", length=None)
    acc("length-leading-zeros", "Content-Length is digits; leading zeros do not change the number.", method="POST", body="abc", length="0003")
    acc("digest-512", "sha-512 alone is enough.", method="POST", body="abc", digest_value=digest(b"abc", "sha-512"))
    acc("digest-both", "Both algorithms may be sent, and both must match.", method="POST", body="abc", digest_value=digest(b"abc", "sha-512", "sha-256"))
    acc("digest-unknown-extra", "Other algorithms are ignored, even repeated and wrong.", method="POST", body="abc", digest_value="md5=:AAAA:, " + digest(b"abc") + ",md5=::")
    acc("digest-white-space", "White space around the commas is allowed.", method="POST", body="abc", digest_value=digest(b"abc", "sha-256").replace(":,", ":,") + " \t,\t " + digest(b"abc", "sha-512"))
    acc("encoding-signed", "The digest is over the bytes on the wire, after content coding.", method="POST", headers=[("Content-Type", "application/json"),
            ("Content-Encoding", "gzip")],
        body=base64.b64decode("H4sIAAAAAAAC/6tWys9WsiopKk2tBQA="))
    acc("encoding-not-decoded", "What Content-Encoding names is not looked at.", method="POST", headers=[("Content-Encoding", "br")], body=b"\xff\xfe not brotli")
    acc("body-at-limit", "A body of exactly the largest size is accepted.", method="POST", body="x" * 64, verifier={"maxBodyBytes": 64})
    acc("chunked-at-limit", "The largest size counts for chunked bodies too.", method="POST", body="x" * 64, length=None, tail=[("Transfer-Encoding", "chunked")], verifier={"maxBodyBytes": 64})
    acc("everything-at-once", "HMAC-512, X-Date, both digests, extra fields and an override together.", credential="billing-service", method="PATCH", time_field="X-Date",
        target="/v2/%7Eme;v=1?z&y=%2f&Z=&y=1", headers=[("Content-Type", "application/json"),
                ("Content-Encoding", "identity"), ("X-HTTP-Method-Override", "PUT"), ("X-Tenant", "a, b")],
        body="{}", digest_value=digest(b"{}", "sha-256", "sha-512"), also=["x-tenant", "content-length"], host="API.EXAMPLE.COM:443",
        verifier={"requiredHeaders": ["x-tenant", "content-length"], "now": "2020-01-01T12:01:00.5Z"}, canon="/v2/~me;v=1?Z=&y=%2F&y=1&z")


# ---- refused: stages 1 and 2 ---------------------------------------------------------------------

def refused_stage_1():
    for count in (97, 150):
        ref("headers_too_many", 1, "headers-%d" % (count + 4), "More than 100 fields are refused, counted on the raw list.", headers=[("X-%d" % i, "v") for i in range(count)])
    ref("headers_too_many", 1, "headers-101-one-name", "Repeats of one name count one by one.", headers=[("X-A", "v")] * 97)
    ref("headers_too_many", 1, "headers-101-and-duplicate", "The count comes before the duplicates.", headers=[("X-%d" % i, "v") for i in range(96)] + [("Date", DATE)])
    ref("headers_too_many", 1, "headers-101-no-authorization", "The count comes before the Authorization field.", headers=[("X-%d" % i, "v") for i in range(98)], authorization=lambda *p: None)
    twice = [("authorization", None), ("host", "api.example.com"), ("date", DATE), ("x-nonce", None),
            ("content-type", "application/json"),
             ("content-digest", digest(b'{"ok":true}')), ("content-length", "11")]
    for field, value in twice:
        def again(request, field=field):
            request["headers"].append([p for p in request["headers"] if R.ascii_lower(p[0]) == field][0][:])
        ref("header_duplicated", 1, "duplicate-same-" + field, "This field may be there only once, even with the same value twice.", tamper=again, **POST)
    for field, value in (("Host", "evil.example"), ("Date", imf(BASE + 1)), ("X-Nonce", "B" * 22),
            ("Content-Type", "text/plain"), ("Content-Digest", digest(b"x")), ("Authorization", "Bearer x"),
            ("Content-Length", "0")):
        ref("header_duplicated", 1, "duplicate-after-" + field.lower(), "A second, different value after the signed one is refused.", tamper=more((field, value)), **POST)
        ref("header_duplicated", 1, "duplicate-before-" + field.lower(), "A second, different value before the signed one is refused.", tamper=first((field, value)), **POST)
    for field in ("date", "x-nonce", "content-type"):
        value = {"date": DATE, "x-nonce": "C" * 22, "content-type": "text/plain"}[field]
        ref("header_duplicated", 1, "duplicate-joined-" + field, "Signed over the joined values, as a header map would show them; still refused.", headers=[("Content-Type", "text/plain"),
                (field, value)] if field != "content-type" else [("Content-Type", "a/b"), ("content-type", "c/d")])
    ref("header_duplicated", 1, "duplicate-case-differs", "Field names are compared without case.", tamper=more(("hOST", "api.example.com")))
    ref("header_duplicated", 1, "duplicate-x-date-unsigned", "X-Date may be there only once even when nobody signs it.", tamper=more(("X-Date", DATE),
            ("X-Date", DATE)))
    ref("header_duplicated", 1, "duplicate-date-unsigned", "Date may be there only once even when X-Date is the one signed.", time_field="X-Date", tamper=more(("Date", DATE),
            ("Date", DATE)))
    ref("header_duplicated", 1, "duplicate-transfer-encoding", "Two Transfer-Encoding fields are refused.", method="POST", body="a", length=None, tail=[("Transfer-Encoding", "chunked"),
            ("Transfer-Encoding", "chunked")])
    ref("header_duplicated", 1, "duplicate-content-encoding", "Two Content-Encoding fields are refused, not joined.", method="POST", body="a", headers=[("Content-Encoding", "gzip"),
            ("Content-Encoding", "br")])
    for name in R.OVERRIDES:
        ref("header_duplicated", 1, "duplicate-" + name, "A method override may be there only once.", method="POST", body="", headers=[(name, "PUT"),
                (name, "DELETE")])
    for name in R.ALWAYS_SINGLE[1:]:
        ref("header_duplicated", 1, "duplicate-%s-first-of-all" % name, "Duplicates of this field come before the Authorization field.",
            authorization=lambda *p: "Bearer x", tamper=both(drop(name), more((name, "1"), (name, "1"))))
    ref("header_duplicated", 1, "duplicate-empty-host", "An empty second Host is a second Host.", tamper=more(("Host", "")))
    ref("header_duplicated", 1, "duplicate-without-authorization", "Duplicates come before the Authorization field.", headers=[("Date", DATE)], authorization=lambda *p: None)


def refused_stage_2():
    ref("authorization_missing", 2, "authorization-missing", "There is no Authorization field.", authorization=lambda *p: None)
    ref("authorization_missing", 2, "authorization-missing-post", "A body with all its fields but no Authorization.", authorization=lambda *p: None, **POST)
    ref("authorization_missing", 2, "authorization-missing-proxy", "Proxy-Authorization is another field.", tamper=lambda r: r["headers"][-1].__setitem__(0, "Proxy-Authorization"))
    ref("authorization_missing", 2, "authorization-missing-x", "X-Authorization is another field.", tamper=lambda r: r["headers"][-1].__setitem__(0, "X-Authorization"))
    ref("authorization_missing", 2, "authorization-missing-bad-target", "Stage 2 comes before the target.", target="/a/../b", authorization=lambda *p: None)

    def edit(name, why, change, code="authorization_malformed", **fields):
        ref(code, 2, "authorization-" + name, why, authorization=lambda *p: change(R.compose_authorization(*p)), **fields)

    for name, value in (("empty", ""), ("only-ows", " \t "), ("scheme-alone", "HMAC-256"),
            ("scheme-alone-lower", "hmac-512"), ("scheme-and-space", "HMAC-256 "),
                        ("quoted-scheme", "\"HMAC-256\" x"), ("comma-scheme", "HMAC-256,x y"),
                        ("slash-scheme", "HMAC/256 Credential=a")):
        edit(name, "The value has not the form of the grammar.", lambda v, value=value: value)
    for name, scheme in (("bearer", "Bearer"), ("basic", "Basic"), ("hmac-384", "HMAC-384"), ("hmac-sha256", "HMAC-SHA256"),
            ("hmac-1", "HMAC-1"), ("none", "none"),
                         ("hmac-256-x", "HMAC-2566"), ("hmac", "HMAC"), ("aws", "AWS4-HMAC-SHA256"),
                         ("hmac-256-url", "HMAC-256-URL"), ("proto", "__proto__"), ("constructor", "constructor")):
        edit("scheme-" + name, "A scheme that is not ours is refused, whatever stands behind it.", lambda v, scheme=scheme: v.replace("HMAC-256", scheme, 1), code="scheme_unsupported")
    edit("scheme-bearer-alone", "A foreign scheme with nothing behind it is a foreign scheme.", lambda v: "Negotiate", code="scheme_unsupported")
    edit("scheme-foreign-too-long", "Length is looked at before the scheme.", lambda v: "Bearer " + "x" * 4090)
    edit("two-schemes", "Two credentials in one field, as a header map would join them.", lambda v: v + ", " + v)
    for name, why, change in (
            ("tab-after-scheme", "A tab is no space.", lambda v: v.replace(" ", "\t", 1)),
            ("two-spaces-after-scheme", "Exactly one space follows the scheme.", lambda v: v.replace(" ", "  ", 1)),
            ("two-spaces-after-comma", "At most one space follows a comma.", lambda v: v.replace(",", ",  ", 1)),
            ("tab-after-comma", "A tab is no space after a comma either.", lambda v: v.replace(",", ",\t", 1)),
            ("space-before-comma", "No space stands before a comma.", lambda v: v.replace(",", " ,", 1)),
            ("space-before-equals", "No space stands around an equals sign.", lambda v: v.replace("Credential=", "Credential =")),
            ("space-after-equals", "No space stands around an equals sign.", lambda v: v.replace("Signature=", "Signature= ")),
            ("semicolon-for-comma", "Parameters are separated by commas.", lambda v: v.replace(",Sig", ";Sig")),
            ("quoted-credential", "There are no quotes.", lambda v: v.replace("orders-service", '"orders-service"')),
            ("quoted-signature", "There are no quotes around the signature.", lambda v: re.sub("Signature=(.*)", r'Signature="\1"', v)),
            ("quoted-names", "There are no quotes around the list.", lambda v: re.sub("Headers=([^,]*)", r'Headers="\1"', v)),
            ("lower-parameter", "Parameter names are case-sensitive.", lambda v: v.replace("Credential", "credential")),
            ("upper-parameter", "Parameter names are case-sensitive.", lambda v: v.replace("Signature", "SIGNATURE")),
            ("signedheaders-lower", "Parameter names are case-sensitive.", lambda v: v.replace("SignedHeaders", "Signedheaders")),
            ("extra-parameter", "There are no other parameters.", lambda v: v + ",Version=1"),
            ("extra-parameter-first", "There are no other parameters, in front either.", lambda v: v.replace(" ", " Version=1,", 1)),
            ("extra-parameter-middle", "There are no other parameters, in the middle either.", lambda v: v.replace(",Sig", ",Nonce=x,Sig")),
            ("trailing-comma", "Nothing follows the signature.", lambda v: v + ","),
            ("trailing-text", "Nothing follows the signature.", lambda v: v + " x"),
            ("double-comma", "There are no empty parameters.", lambda v: v.replace(",", ",,", 1)),
            ("credential-twice", "Each parameter is there once.", lambda v: v.replace("Credential=", "Credential=a,Credential=")),
            ("signature-twice", "Each parameter is there once.", lambda v: v + v[v.index(",Signature"):]),
            ("names-twice", "Each parameter is there once.", lambda v: v.replace("SignedHeaders=", "SignedHeaders=host,SignedHeaders=")),
            ("wrong-order", "The order of the parameters is fixed.", lambda v: re.sub("(Credential=[^,]*),(SignedHeaders=[^,]*)", r"\2,\1", v)),
            ("signature-first", "The order of the parameters is fixed.", lambda v: re.sub(" (.*),(Signature=.*)", r" \2,\1", v)),
            ("no-credential", "No parameter may be missing.", lambda v: re.sub("Credential=[^,]*,", "", v)),
            ("no-names", "No parameter may be missing.", lambda v: re.sub("SignedHeaders=[^,]*,", "", v)),
            ("no-signature", "No parameter may be missing.", lambda v: re.sub(",Signature=.*", "", v)),
            ("empty-credential", "A credential has at least one character.", lambda v: v.replace("orders-service", "")),
            ("empty-signature", "An empty signature is no signature; comparing nothing with nothing must not hold.", lambda v: re.sub("Signature=.*", "Signature=", v)),
            ("newline", "A line break inside the value is not white space.", lambda v: v.replace(",", ",\n", 1)),
            ("newline-end", "A line break at the end is not white space.", lambda v: v + "\n"),
            ("nul-end", "A zero byte at the end does not end the text.", lambda v: v + "\0"),
            ("no-break-space", "A no-break space is not optional white space.", lambda v: v + "\u00a0"),
            ("list-comma", "Names are separated by semicolons.", lambda v: v.replace(";", ",")),
            ("list-space", "Names are not separated by spaces.", lambda v: v.replace(";", " ")),
            ("list-semicolon-space", "No space stands in the list.", lambda v: v.replace(";", "; "))):
        edit(name, why, change)
    for name, credential in (("129", "c" * 129), ("space", "orders service"), ("slash", "orders/service"),
            ("colon", "orders:service"), ("at", "orders@service"), ("percent", "orders%2Dservice"),
                             ("8-bit", "ord\u00e9rs"), ("plus", "orders+service"), ("tilde", "~orders"),
                             ("nul", "orders-service\0")):
        ref("authorization_malformed", 2, "credential-" + name, "A credential is 1 to 128 of letters, digits, dot, underscore and dash.", credential=credential, secret=EXAMPLE_SECRET)
    for name, why, names in (
            ("unsorted", "The list is sorted.", ["host", "date", "x-nonce"]),
            ("reversed", "The list is sorted upwards.", ["x-nonce", "host", "date"]),
            ("duplicate", "No name is listed twice.", ["date", "host", "host", "x-nonce"]),
            ("upper", "Names are in lower case.", ["Date", "Host", "X-Nonce"]),
            ("one-upper", "Names are in lower case, every letter.", ["date", "host", "x-Nonce"]),
            ("empty-name", "No name is empty.", ["", "date", "host", "x-nonce"]),
            ("empty-last", "No name is empty, the last one neither.", ["date", "host", "x-nonce", ""]),
            ("colon-name", "A name is a token.", [":authority", "date", "host", "x-nonce"]),
            ("slash-name", "A name is a token.", ["date", "host", "x-nonce", "x/y"]),
            ("8-bit-name", "A name is ASCII.", ["date", "host", "x-nonce", "x-\u00e9"]),
            ("request-target", "Pseudo names of other schemes are no tokens.", ["(request-target)", "date", "host", "x-nonce"]),
            ("locale-order", "Order is by byte: a dash comes before an underscore and before a letter.", ["date", "host", "x-nonce", "x_a", "x-a"])):
        ref("authorization_malformed", 2, "names-" + name, why, names=names, headers=[("x/y", "1"), ("x-\u00e9", "1"),
                ("X_A", "1"), ("X-A", "2"),
                (":authority", "api.example.com")] if name not in ("unsorted", "reversed", "upper") else ())
    edit("names-empty", "The list is not empty.", lambda v: re.sub("SignedHeaders=[^,]*", "SignedHeaders=", v))
    many = ["x-%02d" % i for i in range(30)]
    ref("authorization_malformed", 2, "names-33", "At most 32 names are signed.", headers=[(n, "v") for n in many], also=many)
    for name in R.NEVER_SIGNED:
        ref("authorization_malformed", 2, "names-" + name, "This field may never be signed.", headers=[(name, "x")] if name != "authorization" else (), also=[name])
    for name, why, change in (
            ("trailing-bits-1", "The unused bits of the last character are zero.", lambda s: s[:-2] + chr(ord(s[-2]) + 1) + "="),
            ("no-padding", "Padding is required.", lambda s: s.rstrip("=")),
            ("more-padding", "Padding is exact.", lambda s: s + "="),
            ("base64url", "The alphabet is the standard one.", lambda s: s.replace("+", "-").replace("/", "_")),
            ("inner-space", "No white space inside.", lambda s: s[:20] + " " + s[20:]),
            ("inner-newline", "No line break inside.", lambda s: s[:20] + "\n" + s[20:]),
            ("junk", "No foreign characters that a lenient decoder would skip.", lambda s: s[:20] + "!" + s[20:]),
            ("junk-end", "Nothing after the padding.", lambda s: s + "AAAA"),
            ("percent", "The padding is not percent-encoded.", lambda s: s.replace("=", "%3D")),
            ("hex", "A signature is not hex.", lambda s: base64.b64decode(s).hex()),
            ("hex-upper", "A signature is not hex, in upper case either.", lambda s: base64.b64decode(s).hex().upper()),
            ("truncated-31", "A shorter MAC is no MAC.", lambda s: b64(base64.b64decode(s)[:31])),
            ("truncated-16", "A truncated MAC is refused even if it matches as far as it goes.", lambda s: b64(base64.b64decode(s)[:16])),
            ("extended-33", "A longer MAC is no MAC.", lambda s: b64(base64.b64decode(s) + b"\0")),
            ("one-byte", "One byte is no MAC.", lambda s: b64(base64.b64decode(s)[:1])),
            ("colons", "A signature is not wrapped in colons.", lambda s: ":" + s + ":"),
            ("of-512", "The length belongs to the scheme.", lambda s: b64(bytes(64))),
            ("padding-only", "Padding alone is nothing.", lambda s: "=" * 44)):
        ref("authorization_malformed", 2, "signature-" + name, why, signature=change, **WORKED)
    for bits in (2, 3):
        ref("authorization_malformed", 2, "signature-trailing-bits-%d" % bits, "The unused bits of the last character are zero.", signature=lambda s, bits=bits: s[:-2] + chr(ord(s[-2]) + bits) + "=", **WORKED)
    ref("authorization_malformed", 2, "signature-512-short", "HMAC-512 has 88 characters, not 44.", credential="billing-service", signature=lambda s: b64(base64.b64decode(s)[:32]))
    ref("authorization_malformed", 2, "signature-512-trailing-bits", "The unused bits are zero for HMAC-512 too.", credential="billing-service", signature=lambda s: s[:-3] + chr(ord(s[-3]) + 1) + "==")
    ref("authorization_malformed", 2, "signature-512-single-pad", "Padding is exact for HMAC-512 too.", credential="billing-service", signature=lambda s: s[:-1])
    edit("relabelled-512", "A 256-bit signature under the other scheme has the wrong length.", lambda v: v.replace("HMAC-256", "HMAC-512"))


# ---- refused: stage 3 (held) ---------------------------------------------------------------------

def refused_stage_3():
    for name in ("nobody", "Orders-Service", "ORDERS-SERVICE", "orders-servic", "orders-service2", "orders-service.", "__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "null", "undefined", "-", "."):
        label = {"-": "dash", ".": "dot", "Orders-Service": "capitals", "ORDERS-SERVICE": "upper", "orders-service.": "trailing-dot", "__proto__": "proto", "toString": "to-string", "hasOwnProperty": "has-own-property"}.get(name, name)
        ref("credential_unknown", 3, "unknown-" + label, "Credentials are matched exactly against the key file.", credential=name, secret=EXAMPLE_SECRET)
    ref("credential_unknown", 3, "unknown-dummy-zero", "Whatever stands in for the secret of an unknown credential must not verify.", credential="nobody", secret=bytes(32))
    ref("credential_unknown", 3, "unknown-128", "A well-formed name of 128 characters that is not there.", credential="u" * 128, secret=EXAMPLE_SECRET)
    ref("credential_unknown", 3, "unknown-512", "An unknown credential under the other scheme.", credential="nobody", scheme="HMAC-512", secret=EXAMPLE_SECRET)
    ref("credential_inactive", 3, "inactive-disabled", "A disabled key is refused although the signature holds.", credential="disabled-service")
    ref("credential_inactive", 3, "inactive-disabled-body", "A disabled key is refused before its body is read.", credential="disabled-service", tamper=line(body='{"ok":fals}'), **POST)
    ref("credential_inactive", 3, "inactive-disabled-512", "A disabled HMAC-512 key.", credential="disabled-512")
    ref("credential_inactive", 3, "inactive-before-algorithm", "Inactive is found before the algorithm.", credential="disabled-service", scheme="HMAC-512")
    ref("credential_inactive", 3, "inactive-expired", "A key whose only secret has expired.", credential="expired-service")
    ref("credential_inactive", 3, "inactive-future", "A key whose only secret is not live yet.", credential="future-service")
    ref("credential_inactive", 3, "inactive-at-not-after", "The instant of notAfter is outside.", credential="window-service", verifier={"now": "2020-01-01T12:00:31Z"})
    ref("credential_inactive", 3, "inactive-before-not-before", "Just before notBefore is outside, by the exact clock.", credential="window-service", verifier={"now": "2020-01-01T12:00:29.999Z"})
    ref("credential_inactive", 3, "inactive-offset-start", "Bounds are exact to the fraction.", credential="offset-service", verifier={"now": "2020-01-01T12:00:30.249Z"})
    ref("credential_inactive", 3, "inactive-offset-end", "Bounds with an offset are converted.", credential="offset-service", verifier={"now": "2020-01-01T12:00:30.750Z"})
    ref("credential_inactive", 3, "inactive-old-date", "The clock decides which secret is live, not the date of the request.", credential="expired-service", date=imf(1577836790))
    ref("algorithm_mismatch", 3, "algorithm-512-for-256", "The algorithm belongs to the key: an HMAC-512 signature by the right secret is refused.", scheme="HMAC-512")
    ref("algorithm_mismatch", 3, "algorithm-256-for-512", "No way down from HMAC-512, though the secret is right.", credential="billing-service", scheme="HMAC-256")
    ref("algorithm_mismatch", 3, "algorithm-256-for-512-lower", "Case of the scheme makes no difference to that.", credential="billing-service", scheme="hmac-256")
    ref("algorithm_mismatch", 3, "algorithm-worked-512", "The worked example signed with HMAC-512.", scheme="HMAC-512", **WORKED)
    ref("algorithm_mismatch", 3, "algorithm-wrong-signature", "The mismatch is the same with a signature that would not hold either.", scheme="HMAC-512", signature=flip(0))
    ref("algorithm_mismatch", 3, "algorithm-swap-credential", "The worked example with its credential replaced by the HMAC-512 key of the same secret.", tamper=put("authorization", lambda v: v.replace("orders-service", "orders-512")), **WORKED)
    # held: stages 4 comes first, 6, 8 and 9 do not
    for credential in ("nobody", "disabled-service", "billing-service"):
        extra = dict(credential=credential, secret=EXAMPLE_SECRET, scheme="HMAC-256")
        label = {"nobody": "unknown", "disabled-service": "disabled", "billing-service": "mismatch"}[credential]
        code = {"nobody": "credential_unknown", "disabled-service": "credential_inactive", "billing-service": "algorithm_mismatch"}[credential]
        ref("header_unsigned", 4, "held-%s-unsigned" % label, "A fault of stage 4 is answered alike for good and bad credentials.", headers=JSON_TYPE, without=["content-type"], **extra)
        ref("target_malformed", 4, "held-%s-target" % label, "A bad target is answered alike for good and bad credentials.", target="/a//b", **extra)
        ref("host_not_allowed", 4, "held-%s-host" % label, "A foreign host is answered alike for good and bad credentials.", host="evil.example", **extra)
        ref(code, 3, "held-%s-date" % label, "Stage 6 is not reached with a bad credential.", date=imf(BASE - 301), **extra)
        ref(code, 3, "held-%s-digest" % label, "Stage 8 is not reached with a bad credential.", digest_value=digest(b"x"), method="POST", body="abc", **extra)
        ref(code, 3, "held-%s-replay" % label, "Stage 9 is not reached with a bad credential.", nonce="D" * 22, claimed=[[credential, "D" * 22]], **extra)


# ---- refused: stage 4 ----------------------------------------------------------------------------

def refused_stage_4():
    chunked = dict(method="POST", body="abc", length=None)
    for name, value in (("gzip-chunked", "gzip, chunked"), ("gzip", "gzip"), ("identity", "identity"), ("empty", ""),
            ("twice", "chunked, chunked"), ("parameter", "chunked;q=1"),
                        ("quoted", '"chunked"'), ("suffix", "chunkedx"), ("comma", "chunked,"),
                        ("tab-before-comma", "chunked\t,"), ("8-bit", "chunked\u00a0"), ("vertical-tab", "\u000bchunked")):
        ref("header_malformed", 4, "transfer-encoding-" + name, "Transfer-Encoding is chunked and nothing else.", tail=[("Transfer-Encoding", value)], **chunked)
    for name, value in (("3", "3"), ("0", "0")):
        ref("header_malformed", 4, "length-and-chunked-" + name, "Content-Length together with Transfer-Encoding is refused.", method="POST", body="abc", length=value, tail=[("Transfer-Encoding", "chunked")])
    for name, value in (("plus", "+3"), ("minus", "-3"), ("empty", ""), ("list", "3, 3"), ("hex", "0x3"), ("decimal", "3.0"),
            ("exponent", "3e0"), ("text", "abc"), ("inner-space", "1 1"), ("underscore", "0_3"), ("superscript", "\u00b3"),
            ("minus-zero", "-0")):
        ref("header_malformed", 4, "length-" + name, "Content-Length is one or more digits.", method="POST", body="abc", length=value)
    ref("header_malformed", 4, "length-empty-no-body", "An empty Content-Length is malformed, not zero.", length="", method="POST")
    ref("header_malformed", 4, "framing-before-coverage", "Framing comes before coverage.", method="POST", body="abc", length="x", headers=JSON_TYPE, without=["content-type"])

    # missing, unsigned
    ref("header_missing", 4, "missing-host", "There is no Host.", host=None)
    ref("header_missing", 4, "missing-host-listed", "Host is listed but not there.", host=None, also=["host"])
    ref("header_missing", 4, "missing-nonce", "There is no X-Nonce.", nonce=None)
    ref("header_missing", 4, "missing-nonce-listed", "X-Nonce is listed but not there.", nonce=None, also=["x-nonce"])
    ref("header_missing", 4, "missing-date", "There is neither Date nor X-Date.", date=None)
    ref("header_missing", 4, "missing-date-listed", "Date is listed but not there.", date=None, also=["date"])
    ref("header_missing", 4, "missing-x-date-listed", "X-Date is listed but not there, and an unsigned Date does not stand in.", names=["host", "x-date", "x-nonce"])
    ref("header_missing", 4, "missing-date-listed-x-date-there", "Date is listed but only X-Date is there.", time_field="X-Date", names=["date", "host", "x-nonce"])
    ref("header_missing", 4, "missing-extra-listed", "A listed field that is not there is refused, not signed as empty.", also=["x-extra"])
    ref("header_missing", 4, "missing-content-type-listed", "Content-Type is listed but not there.", also=["content-type"])
    ref("header_missing", 4, "missing-content-encoding-listed", "Content-Encoding is listed but not there.", also=["content-encoding"])
    ref("header_missing", 4, "missing-digest-listed-no-body", "Content-Digest is listed, there is neither it nor a body.", also=["content-digest"])
    for name in ("__proto__", "constructor", "tostring", "hasownproperty", "valueof"):
        ref("header_missing", 4, "missing-" + name.strip("_"), "A name every object of some languages has is still a missing field.", also=[name])
    ref("header_missing", 4, "missing-override-listed", "A method override that is listed but not there.", also=["x-http-method"])
    ref("header_missing", 4, "missing-required", "The verifier requires a field that is not there.", verifier={"requiredHeaders": ["x-tenant"]})
    ref("header_missing", 4, "missing-required-second", "Every required field counts.", headers=[("X-Tenant", "t")], also=["x-tenant"], verifier={"requiredHeaders": ["x-tenant", "x-request-id"]})
    ref("header_missing", 4, "missing-required-digest", "A required Content-Digest without a body is a missing header.", verifier={"requiredHeaders": ["content-digest"]})
    ref("header_missing", 4, "missing-required-type", "A required Content-Type is missing even though it is optional otherwise.", verifier={"requiredHeaders": ["content-type"]})
    ref("digest_missing", 4, "digest-missing", "A body without Content-Digest.", digest_value=None, **POST)
    ref("digest_missing", 4, "digest-missing-listed", "Content-Digest is listed but not there, and there is a body.", digest_value=None, also=["content-digest"], **POST)
    ref("digest_missing", 4, "digest-missing-get", "A GET with a body needs the digest too.", body="abc", digest_value=None)
    ref("digest_missing", 4, "digest-missing-chunked", "A chunked body needs the digest before anything arrives.", digest_value=None, tail=[("Transfer-Encoding", "chunked")], **chunked)
    ref("digest_missing", 4, "digest-missing-nothing-arrived", "Content-Length alone declares a body.", method="POST", length="5")
    ref("digest_missing", 4, "digest-missing-old-names", "Digest and Content-MD5 are not Content-Digest.", digest_value=None, headers=[("Digest", "SHA-256=" + b64(hashlib.sha256(b"abc").digest())),
            ("Repr-Digest", digest(b"abc"))], method="POST", body="abc")
    ref("digest_missing", 4, "digest-missing-before-type", "The digest is looked for before Content-Type.", digest_value=None, without=["content-type"], **POST)
    for name in ("host", "x-nonce", "date"):
        ref("header_unsigned", 4, "unsigned-" + name, "This field must be signed.", without=[name])
        ref("header_unsigned", 4, "unsigned-%s-post" % name, "This field must be signed, with a body too.", without=[name], **POST)
    ref("header_unsigned", 4, "unsigned-x-date", "X-Date is there but nobody signed it.", time_field="X-Date", without=["x-date"])
    ref("header_unsigned", 4, "unsigned-both-dates", "Both dates are there and neither is signed.", headers=[("X-Date", DATE)], without=["date"])
    ref("header_unsigned", 4, "unsigned-content-type", "Content-Type is there and must be signed.", without=["content-type"], **POST)
    ref("header_unsigned", 4, "unsigned-content-type-get", "Content-Type must be signed without a body too.", headers=JSON_TYPE, without=["content-type"])
    ref("header_unsigned", 4, "unsigned-content-type-empty", "An empty Content-Type is there and must be signed.", headers=[("Content-Type", "")], without=["content-type"])
    ref("header_unsigned", 4, "unsigned-content-type-added", "A Content-Type added on the way.", tamper=more(("Content-Type", "text/html")))
    ref("header_unsigned", 4, "unsigned-content-encoding", "Content-Encoding is there and must be signed.", method="POST", body="abc", headers=[("Content-Encoding", "gzip")], without=["content-encoding"])
    ref("header_unsigned", 4, "unsigned-content-encoding-added", "A Content-Encoding added on the way.", tamper=more(("Content-Encoding", "identity")), **POST)
    ref("header_unsigned", 4, "unsigned-digest", "The digest of a body must be signed, or the body is not.", without=["content-digest"], **POST)
    ref("header_unsigned", 4, "unsigned-digest-chunked", "The digest of a chunked body must be signed.", without=["content-digest"], tail=[("Transfer-Encoding", "chunked")], **chunked)
    ref("header_unsigned", 4, "unsigned-digest-get", "The digest of the body of a GET must be signed.", without=["content-digest"], body="abc")
    for name in R.OVERRIDES:
        ref("header_unsigned", 4, "unsigned-" + name, "A method override added on the way would change what the request does.", tamper=more((name, "DELETE")), **POST)
        ref("header_unsigned", 4, "unsigned-%s-get" % name, "A method override must be signed whatever the method.", headers=[(name, "")], without=[name])
    ref("header_unsigned", 4, "unsigned-required", "A field the verifier requires is there but nobody signed it.", headers=[("X-Tenant", "t")], verifier={"requiredHeaders": ["x-tenant"]})
    ref("header_unsigned", 4, "unsigned-required-upper", "Required names are compared without case.", headers=[("X-Tenant", "t")], verifier={"requiredHeaders": ["X-Tenant"]})
    ref("header_unsigned", 4, "unsigned-required-digest", "A required Content-Digest must be signed without a body too.", digest_value=digest(b""), without=["content-digest"], verifier={"requiredHeaders": ["content-digest"]})
    ref("header_unsigned", 4, "unsigned-only-host", "A list of one name covers next to nothing.", names=["host"])
    ref("header_missing", 4, "order-host-before-nonce", "Host is looked for before X-Nonce.", host=None, without=["x-nonce"])
    ref("header_unsigned", 4, "order-nonce-before-date", "X-Nonce is looked for before the date.", date=None, without=["x-nonce"])
    ref("header_missing", 4, "order-date-before-digest", "The date is looked for before the digest.", date=None, digest_value=None, method="POST", body="abc")
    ref("header_unsigned", 4, "order-coverage-before-listed", "Coverage comes before the walk over the list.", also=["x-missing"], without=["content-type"], **POST)
    ref("header_unsigned", 4, "order-type-before-required", "What the protocol requires comes before what the verifier requires.", without=["content-type"], verifier={"requiredHeaders": ["x-tenant"]}, **POST)
    ref("header_missing", 4, "order-listed-before-target", "The walk over the list comes before the target.", also=["x-missing"], target="/a/../b")
    ref("header_malformed", 4, "both-dates-signed", "Date and X-Date both signed.", headers=[("X-Date", DATE)], also=["x-date"])
    ref("header_malformed", 4, "both-dates-signed-differ", "Date and X-Date both signed and different.", headers=[("X-Date", imf(BASE - 5))], also=["x-date"])
    ref("header_malformed", 4, "both-dates-listed-one-there", "Both listed is malformed even if one of them is not there.", also=["x-date"])

    # duplicated signed fields, found here
    for name, why, values in (("joined", "A signed field occurs twice; the signature is over the joined values.", None),
            ("first", "A signed field occurs twice; the signature is over the first.", {"x-extra": "a"}),
                              ("last", "A signed field occurs twice; the signature is over the last.", {"x-extra": "b"})):
        ref("header_duplicated", 4, "signed-twice-" + name, why, headers=[("X-Extra", "a"),
                ("X-Extra", "b")], also=["x-extra"], values=values)
    ref("header_duplicated", 4, "signed-twice-added", "A second copy of a signed field was added on the way.", headers=[("X-Extra", "a")], also=["x-extra"], tamper=more(("x-extra", "b")))
    ref("header_duplicated", 4, "signed-twice-same", "The same value twice is still twice.", headers=[("X-Extra", "a"),
            ("x-extra", "a")], also=["x-extra"], values={"x-extra": "a"})
    ref("header_duplicated", 4, "signed-twice-cookie", "Fields that HTTP joins are no exception.", headers=[("Cookie", "a=1"),
            ("Cookie", "b=2")], also=["cookie"], values={"cookie": "a=1; b=2"})

    # bytes
    for name, value in (("8-bit", "caf\u00e9"), ("c1", "a\u0085b"), ("no-break-space", "a\u00a0"), ("nul", "a\0b"),
            ("bell", "a\u0007b"), ("escape", "a\u001b[0m"), ("delete", "a\u007fb"), ("line-feed", "a\nb"),
                        ("carriage-return", "a\rb"), ("line-break", "a\r\nx-nonce: b"), ("form-feed", "\u000ca"),
                        ("vertical-tab", "a\u000b"), ("y-diaeresis", "\u00ff")):
        ref("header_malformed", 4, "byte-" + name, "A signed value holds space, tab and visible ASCII only.", headers=[("X-Extra", value)], also=["x-extra"])
    ref("header_malformed", 4, "byte-in-date", "A bad byte in the date is found before the date is read.", date=DATE.replace(" GMT", "\u00a0GMT"))
    ref("header_malformed", 4, "byte-in-nonce", "A bad byte in the nonce is found before its form.", nonce="nonce-nonce-nonc\u00e9")
    ref("header_malformed", 4, "byte-in-type", "A bad byte in Content-Type.", headers=[("Content-Type", "text/pl\u00e4in")])
    ref("header_malformed", 4, "byte-in-host", "A bad byte in Host is a bad byte before it is a bad host.", host="ex\u00e4mple.com")
    ref("header_malformed", 4, "byte-in-digest", "A bad byte in a signed digest.", method="POST", body="abc", digest_value=digest(b"abc") + "\u00a0")
    ref("header_malformed", 4, "line-injection", "A value that would forge a line of the string to sign.", headers=[("X-Extra", "a\nx-role: admin")], also=["x-extra"])
    ref("header_duplicated", 4, "order-duplicate-before-byte", "Within the list the names are taken in order, and a duplicate is found before a bad byte.", headers=[("X-A", "1"),
            ("X-A", "\u00e9"), ("X-B", "\u00e9")], also=["x-a", "x-b"])
    ref("header_malformed", 4, "order-names-in-turn", "Within the list an earlier name's bad byte comes before a later name's absence.", headers=[("X-A", "\u00e9")], also=["x-a", "x-b"])

    # method
    for name, method in (("empty", ""), ("space", "GET "), ("inner-space", "GE T"), ("slash", "GET/"), ("colon", "GET:"),
            ("line-feed", "GET\n"), ("8-bit", "G\u00c9T"), ("comma", "GET,POST"), ("at", "@method"), ("quotes", '"GET"')):
        ref("target_malformed", 4, "method-" + name, "A method is a token.", method=method)
    ref("target_malformed", 4, "method-before-length", "The method comes before the length of the target.", method="G T", target="/" + "a" * 8192)

    # targets
    for name, why, target in TARGETS_REFUSED:
        ref("target_malformed", 4, "target-" + name, why, target=target)
    for name, why, target, repaired in (
            ("repaired-dots", "Signed over the path with its dots resolved; still refused, not repaired.", "/a/../b", "/b"),
            ("repaired-dot", "Signed over the path without the dot.", "/a/./b", "/a/b"),
            ("repaired-slashes", "Signed over the path with single slashes.", "/a//b", "/a/b"),
            ("repaired-absolute", "Signed over the path of the absolute form.", "http://api.example.com/a", "/a"),
            ("repaired-fragment", "Signed over what stands before the fragment.", "/a#b", "/a"),
            ("repaired-backslash", "Signed over slashes in place of backslashes.", "/a\\b", "/a/b"),
            ("repaired-space", "Signed over the encoded form of a raw space.", "/a b", "/a%20b"),
            ("repaired-utf8", "Signed over the encoded form of a raw letter.", "/caf\u00e9", "/caf%C3%A9"),
            ("repaired-percent", "Signed over an encoded percent sign in place of a stray one.", "/100%", "/100%25"),
            ("repaired-no-slash", "Signed over the path with the slash it lacks.", "a", "/a"),
            ("repaired-empty", "Signed over a slash in place of nothing.", "", "/"),
            ("raw-encoded-dots", "Signed over the raw text of encoded dots.", "/a/%2e%2e/b", "/a/%2e%2e/b"),
            ("repaired-query-only", "Signed over the path a lone query lacks.", "?a=1", "/?a=1")):
        ref("target_malformed", 4, "target-" + name, why, target=target, sign={"target": repaired})
    ref("target_malformed", 4, "target-asterisk-options", "The asterisk form is not origin form.", method="OPTIONS", target="*")
    ref("target_malformed", 4, "target-connect", "The authority form is not origin form.", method="CONNECT", target="api.example.com:443")
    ref("target_too_long", 4, "target-8193", "8,193 characters are too long.", target="/" + "a" * 8192)
    ref("target_too_long", 4, "target-8193-query", "The query counts.", target="/?" + "a" * 8191)
    ref("target_too_long", 4, "target-long-encoded", "Length is counted as sent, before decoding.", target="/" + "%61" * 2731)
    ref("target_too_long", 4, "target-long-and-bad", "Length comes before form.", target="/../" + "a" * 8190)
    ref("target_malformed", 4, "target-before-host", "The target comes before the host.", target="/a//b", host="evil.example")

    # hosts
    for name, host in HOSTS_REFUSED:
        ref("host_malformed", 4, "host-" + name, "Not a host by the grammar, which is found before the list of hosts is looked at.", host=host)
    for name, why, host in (
            ("other", "A host the verifier does not serve.", "evil.example"),
            ("suffix", "Hosts are compared whole.", "api.example.com.evil.example"),
            ("prefix", "Hosts are compared whole.", "xapi.example.com"),
            ("parent", "A parent domain is another host.", "example.com"),
            ("subdomain", "A subdomain is another host.", "v1.api.example.com"),
            ("trailing-dot", "A trailing dot makes another host.", "api.example.com."),
            ("port", "Another port is another host.", "api.example.com:8443"),
            ("port-zeros", "A default port with leading zeros is not the default port.", "api.example.com:0443"),
            ("port-65536", "Five digits are a port by the grammar; it is still not ours.", "api.example.com:99999"),
            ("ipv4", "An address is not the name.", "192.0.2.1"), ("ipv6", "An address is not the name.", "[::1]"),
            ("dot-pattern", "A dot matches a dot only.", "apiXexample.com")):
        ref("host_not_allowed", 4, "host-not-" + name, why, host=host)
    ref("host_not_allowed", 4, "host-not-ipv6-spelling", "IPv6 addresses are compared as text: another spelling is another host.", host="[0:0:0:0:0:0:0:1]", verifier={"hosts": ["[::1]"]})
    ref("host_not_allowed", 4, "host-not-listed-port", "A list with a port asks for the port.", verifier={"hosts": ["api.example.com:8443"]})
    ref("host_not_allowed", 4, "host-not-forwarded", "A forwarded host from an untrusted peer does not count.", host="internal", headers=[("X-Forwarded-Host", "api.example.com")])
    ref("host_not_allowed", 4, "host-before-signature", "The host comes before the signature.", host="evil.example", signature=flip(0))
    ref("header_unsigned", 4, "coverage-before-signature", "Coverage comes before the signature.", signature=flip(0), without=["content-type"], **POST)


TARGETS_REFUSED = [
    ("dot-dot", "A dot segment is refused, not resolved.", "/a/../b"), ("dot", "A single-dot segment is refused.", "/a/./b"),
    ("dot-dot-first", "A dot segment at the beginning.", "/../a"),
    ("dot-dot-last", "A dot segment at the end.", "/a/.."), ("dot-last", "A single dot at the end.", "/a/."),
    ("only-dot-dot", "Nothing but a dot segment.", "/.."), ("only-dot", "Nothing but a dot.", "/."),
    ("dot-dot-query", "A dot segment before a query.", "/a/..?b=1"),
    ("encoded-dots", "Encoded dots are dots.", "/a/%2e%2e/b"),
    ("encoded-dots-upper", "Encoded dots are dots, in upper case too.", "/a/%2E%2E/b"),
    ("half-encoded-dots", "One of two dots encoded.", "/a/.%2e/b"),
    ("half-encoded-dots-2", "The other of two dots encoded.", "/a/%2E./b"),
    ("encoded-dot", "An encoded single dot.", "/a/%2e/b"),
    ("dots-before-semicolon", "A dot segment with a parameter.", "/a/..;/b"),
    ("dots-before-semicolon-2", "A dot segment with a named parameter.", "/a/..;x=1/b"),
    ("dot-before-semicolon", "A single dot with a parameter.", "/a/.;x/b"),
    ("dots-before-encoded-semicolon", "A dot segment before an encoded semicolon.", "/a/..%3bx/b"),
    ("encoded-dots-semicolon", "Encoded dots before a semicolon.", "/a/%2e%2e;/b"),
    ("dots-encoded-slash", "A dot segment behind an encoded slash.", "/a%2f../b"),
    ("dots-encoded-slash-2", "A dot segment before an encoded slash.", "/a/..%2Fb"),
    ("dots-all-encoded", "Slashes and dots all encoded.", "/a%2f%2e%2e%2fb"),
    ("dots-encoded-backslash", "A dot segment behind an encoded backslash.", "/a%5c..%5cb"),
    ("dot-encoded-slash", "A single dot between encoded slashes.", "/a%2F.%2Fb"),
    ("dots-encoded-slash-semicolon", "A dot segment with a parameter between encoded slashes.", "/a%2f..;x%2fb"),
    ("empty-segment", "An empty segment is refused; it is not the same path.", "/a//b"),
    ("double-slash", "Two slashes at the beginning.", "//"),
    ("double-slash-host", "Two slashes could be read as a host.", "//evil.example/a"),
    ("empty-last-two", "Only one empty segment may end the path.", "/a//"), ("triple-slash", "Three slashes.", "///a"),
    ("encoded-nul", "An encoded zero byte in the path.", "/a%00b"),
    ("encoded-nul-query", "An encoded zero byte in the query.", "/?a=%00"),
    ("encoded-control-01", "An encoded control in the path.", "/a%01"),
    ("encoded-line-feed", "An encoded line feed in the path.", "/a%0Ab"),
    ("encoded-carriage-return", "An encoded carriage return in the path.", "/a%0db"),
    ("encoded-tab", "An encoded tab in the path.", "/%09"), ("encoded-1f", "The last of the encoded controls.", "/a%1f"),
    ("encoded-delete", "An encoded delete in the path.", "/a%7fb"),
    ("percent-end", "A percent sign at the end.", "/a%"), ("percent-one", "One hex digit at the end.", "/a%4"),
    ("percent-not-hex", "Two characters that are not hex.", "/a%zz"),
    ("percent-half-hex", "One hex digit and a letter.", "/a%4g"),
    ("percent-u", "The %u form of old scripts.", "/%u0041"), ("percent-percent", "A percent sign encodes nothing.", "/%%41"),
    ("percent-plus", "A sign is not a digit.", "/%+1"), ("percent-space", "A space is not a digit.", "/% 1"),
    ("percent-query", "A stray percent sign in the query.", "/?a=100%"),
    ("percent-query-name", "A stray percent sign in a name.", "/?%=1"),
    ("percent-over-ampersand", "An escape does not reach over an ampersand.", "/?a=%4&1=b"),
    ("percent-over-question", "An escape does not reach over the question mark.", "/a%4?1"),
    ("percent-0x", "A prefix is not hex.", "/%0x"),
    ("fragment", "A fragment has no place in a target.", "/a#b"),
    ("fragment-query", "A fragment behind a query.", "/?a=1#b"), ("fragment-empty", "An empty fragment.", "/#"),
    ("backslash", "A backslash is refused.", "/a\\b"), ("backslash-dots", "Dots between backslashes.", "/a\\..\\b"),
    ("backslash-query", "A backslash in the query.", "/?a=\\"),
    ("space", "A raw space in the path.", "/a b"), ("space-end", "A raw space at the end.", "/a "),
    ("space-query", "A raw space in the query.", "/?a=b c"), ("tab", "A raw tab.", "/a\tb"),
    ("line-feed", "A raw line feed would forge a line.", "/a\nhost: evil.example"),
    ("carriage-return", "A raw carriage return.", "/a\rb"), ("line-feed-end", "A line feed at the very end.", "/a\n"),
    ("line-feed-query-end", "A line feed at the end of the query.", "/?a\n"),
    ("nul", "A raw zero byte.", "/a\0b"), ("delete", "A raw delete.", "/a\u007f"),
    ("8-bit", "A raw byte above ASCII in the path.", "/caf\u00e9"),
    ("8-bit-query", "A raw byte above ASCII in the query.", "/?caf\u00e9"),
    ("absolute-http", "The absolute form is refused.", "http://api.example.com/"),
    ("absolute-https", "The absolute form is refused, whatever the scheme.", "https://api.example.com/a?b"),
    ("asterisk", "The asterisk form is refused.", "*"),
    ("authority", "The authority form is refused.", "api.example.com:443"), ("empty", "An empty target.", ""),
    ("relative", "A path without its slash.", "a/b"), ("only-query", "A query without a path.", "?a=1"),
    ("encoded-first-slash", "The first slash may not be encoded.", "%2Fa"),
    ("leading-space", "A space before the path.", " /a"), ("dot-relative", "A relative path.", "./a"),
]

HOSTS_REFUSED = [
    ("empty", ""), ("space", "api example.com"), ("user-info", "user@api.example.com"),
    ("user-info-password", "a:b@api.example.com"), ("path", "api.example.com/evil"), ("query", "api.example.com?"),
    ("fragment", "api.example.com#"),
    ("list", "api.example.com, api.example.com"), ("comma", "api.example.com,evil.example"),
    ("port-empty", "api.example.com:"), ("port-6-digits", "api.example.com:000443"), ("port-text", "api.example.com:http"),
    ("port-plus", "api.example.com:+443"), ("port-space", "api.example.com: 443"),
    ("two-ports", "api.example.com:443:443"), ("port-only", ":443"), ("percent", "api%2Eexample.com"),
    ("scheme", "http://api.example.com"), ("backslash", "api.example.com\\"), ("asterisk", "*.example.com"), ("plus", "a+b"),
    ("tilde", "~"), ("semicolon", "api.example.com;x"), ("quotes", '"api.example.com"'), ("tab", "api.example\t.com"),
    ("ipv6-bare", "::1"), ("ipv6-open", "[::1"), ("ipv6-close", "::1]"), ("ipv6-empty", "[]"),
    ("ipv6-zone", "[fe80::1%25eth0]"), ("ipv6-zone-raw", "[fe80::1%eth0]"), ("ipv6-name", "[api.example.com]"),
    ("ipv6-ipv4-only", "[192.0.2.1]"), ("ipv6-seven", "[1:2:3:4:5:6:7]"), ("ipv6-nine", "[1:2:3:4:5:6:7:8:9]"),
    ("ipv6-two-gaps", "[1::2::3]"), ("ipv6-three-colons", "[:::1]"), ("ipv6-five-digits", "[12345::]"),
    ("ipv6-not-hex", "[::g]"), ("ipv6-gap-of-none", "[1:2:3:4::5:6:7:8]"), ("ipv6-ipv4-256", "[::256.0.0.1]"),
    ("ipv6-ipv4-three", "[::1.2.3]"), ("ipv6-ipv4-zero", "[::01.2.3.4]"), ("ipv6-ipv4-first", "[1.2.3.4::]"),
    ("ipv6-colon-end", "[1:2:3:4:5:6:7:8:]"), ("ipv6-colon-start", "[:1:2:3:4:5:6:7:8]"), ("ipv6-future", "[v1.a:b]"),
    ("ipv6-only-dots", "[...]"), ("ipv6-after", "[::1]x"), ("ipv6-port-empty", "[::1]:"), ("ipv6-space", "[:: 1]"),
    ("ipv6-nested", "[[::1]]"), ("ipv6-long", "[1:2:3:4:5:6:7:1.2.3.4]"), ("ipv6-lone-colon", "[:]"),
]


# ---- refused: stage 5 ----------------------------------------------------------------------------

def refused_stage_5():
    def bad(name, why, tamper=None, **fields):
        ref("signature_mismatch", 5, name, why, tamper=tamper, **fields)

    for name, why, tamper in (
            ("method-put", "The method was changed.", line(method="PUT")),
            ("method-lower", "The method is compared with case.", line(method="post")),
            ("method-get", "The method was changed to GET.", line(method="GET")),
            ("method-delete", "The method was changed to DELETE.", line(method="DELETE")),
            ("method-longer", "A letter was added to the method.", line(method="POSTS"))):
        bad("mutated-" + name, why, tamper, **WORKED)
    for name, why, target in (
            ("path-letter", "One letter of the path was changed.", "/v1/orders/%7ealicf?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-case", "The path is compared with case.", "/v1/Orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-slash", "A trailing slash makes another path.", "/v1/orders/%7ealice/?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-longer", "A segment was added.", "/v1/orders/%7ealice/x?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-shorter", "A segment was taken away.", "/v1/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-encoded-slash", "An encoded slash is not a slash.", "/v1/orders%2F%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-double-encoded", "A twice-encoded tilde is not a tilde.", "/v1/orders/%257ealice?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-parameter", "A path parameter was added.", "/v1/orders/%7ealice;x?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("path-prefix", "A prefix was put in front, as by a gateway.", "/api/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9"),
            ("query-swapped", "Pieces of one name changed places.", "/v1/orders/%7ealice?tag=a&limit=10&tag=b&note=caf%c3%a9"),
            ("query-value", "A value was changed.", "/v1/orders/%7ealice?tag=b&limit=11&tag=a&note=caf%c3%a9"),
            ("query-value-longer", "A zero was added to a value.", "/v1/orders/%7ealice?tag=b&limit=100&tag=a&note=caf%c3%a9"),
            ("query-value-case", "A value is compared with case.", "/v1/orders/%7ealice?tag=B&limit=10&tag=a&note=caf%c3%a9"),
            ("query-name", "A name was changed.", "/v1/orders/%7ealice?tag=b&Limit=10&tag=a&note=caf%c3%a9"),
            ("query-added", "A piece was added.", "/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9&admin=1"),
            ("query-added-same-name", "A second value for a name was added.", "/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9&limit=99"),
            ("query-removed", "A piece was taken away.", "/v1/orders/%7ealice?tag=b&limit=10&tag=a"),
            ("query-gone", "The whole query was taken away.", "/v1/orders/%7ealice"),
            ("query-ampersand", "An empty piece was added.", "/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%c3%a9&"),
            ("query-equals-gone", "An equals sign was encoded.", "/v1/orders/%7ealice?tag=b&limit%3D10&tag=a&note=caf%c3%a9"),
            ("query-ampersand-encoded", "An ampersand was encoded.", "/v1/orders/%7ealice?tag=b%26limit=10&tag=a&note=caf%c3%a9"),
            ("query-decomposed", "A letter and its decomposed form are different bytes.", "/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=cafe%cc%81"),
            ("query-latin-1", "The same letter in another encoding is different bytes.", "/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%e9"),
            ("query-double-encoded", "A twice-encoded value is another value.", "/v1/orders/%7ealice?tag=b&limit=10&tag=a&note=caf%25c3%25a9"),
            ("query-in-path", "An encoded question mark does not begin a query.", "/v1/orders/%7ealice%3Ftag=b&limit=10&tag=a&note=caf%c3%a9")):
        bad("mutated-" + name, why, line(target=target), **WORKED)
    for name, why, target, changed in (
            ("plus-to-space", "A plus sign is not an encoded space.", "/?q=a+b", "/?q=a%20b"),
            ("plus-encoded", "A plus sign is not an encoded plus sign.", "/?q=a+b", "/?q=a%2Bb"),
            ("bare-to-empty", "The pieces a and a= differ.", "/?a", "/?a="),
            ("empty-to-bare", "The pieces a= and a differ.", "/?a=", "/?a"),
            ("empty-piece-dropped", "Empty pieces count.", "/?a=1&&b=2", "/?a=1&b=2"),
            ("reserved-decoded", "An encoded reserved character is not the bare one.", "/a%21", "/a!"),
            ("semicolon-as-ampersand", "A semicolon does not separate pieces.", "/?a=1&b=2", "/?a=1;b=2"),
            ("brackets", "Brackets are part of a name.", "/?a[]=1&a[]=2", "/?a=1&a=2"),
            ("duplicate-collapsed", "Two equal pieces are not one.", "/?a=1&a=1", "/?a=1"),
            ("encoded-name-swapped", "Two spellings of one name keep their order.", "/?%61=2&a=1", "/?a=1&%61=2"),
            ("bare-and-empty-swapped", "The pieces a and a= share a name, so their order counts.", "/?a&a=", "/?a=&a"),
            ("trailing-slash-gone", "A trailing slash counts.", "/a/", "/a"),
            ("empty-segment-question", "A question mark more is part of the query.", "/a?b", "/a??b")):
        bad("mutated-" + name, why, line(target=changed), target=target)
    two = {"hosts": ["api.example.com", "www.example.com", "api.example.com:8443", "[::1]"]}
    for name, host in (("host", "www.example.com"), ("host-port", "api.example.com:8443"), ("host-address", "[::1]")):
        bad("mutated-" + name, "The host was changed to another one the verifier serves.", put("host", host), verifier=two, **WORKED)
    for name, why, tamper in (
            ("type-value", "Content-Type was changed.", put("content-type", "text/plain")),
            ("type-case", "Values are compared with case.", put("content-type", "Application/JSON")),
            ("type-parameter", "A parameter was added to Content-Type.", put("content-type", "application/json; charset=utf-8")),
            ("type-empty", "Content-Type was emptied.", put("content-type", "")),
            ("date-second", "The date was moved by one second.", put("date", imf(BASE + 1))),
            ("date-refreshed", "A captured request was given a new date.", put("date", imf(BASE + 20))),
            ("date-malformed", "A broken date was put in; the signature is looked at first.", put("date", "aaaa")),
            ("nonce-letter", "One character of the nonce was changed.", put("x-nonce", "4fA9sGdR2l3n0QwErTy8uB")),
            ("nonce-case", "The nonce is signed with case.", put("x-nonce", "4FA9SGDR2L3N0QWERTY8UA")),
            ("nonce-new", "A captured request was given a new nonce.", put("x-nonce", "E" * 22)),
            ("nonce-empty", "The nonce was emptied.", put("x-nonce", "")),
            ("nonce-longer", "A character was added to the nonce.", put("x-nonce", "4fA9sGdR2l3n0QwErTy8uAA")),
            ("digest-body", "Body and digest were both replaced.", both(line(body='{"sku":"A-1","qty":9}'), put("content-digest", digest(b'{"sku":"A-1","qty":9}')))),
            ("digest-added-algorithm", "A second, right digest was added.", put("content-digest", lambda v: v + ", " + digest(b'{"sku":"A-1","qty":2}', "sha-512"))),
            ("digest-other-value", "The digest was replaced alone.", put("content-digest", digest(b"x"))),
            ("digest-512-instead", "The digest was replaced by another right one.", put("content-digest", digest(b'{"sku":"A-1","qty":2}', "sha-512"))),
            ("digest-and-broken", "The digest was broken; the signature is looked at first.", put("content-digest", "sha-256=::"))):
        bad("mutated-" + name, why, tamper, **WORKED)
    for to in ("orders-twin", "other-service", "zero-tail", "a"):
        bad("mutated-credential-" + to, "The credential was replaced; it is in the string to sign, whatever the secret.", put("authorization", lambda v, to=to: v.replace("orders-service", to)), **WORKED)
    bad("mutated-zero-tail-credential", "Two secrets that differ by a final zero byte are one MAC key; the credential keeps them apart.", put("authorization", lambda v: v.replace("zero-tail", "zero-tail-33")), credential="zero-tail")
    bad("mutated-zero-tail-back", "The same in the other direction.", put("authorization", lambda v: v.replace("zero-tail-33", "zero-tail")), credential="zero-tail-33")
    bad("mutated-long-credential", "A long secret and its hash are one MAC key; the credential keeps them apart.", put("authorization", lambda v: v.replace("long-65", "hashed-65")), credential="long-65")
    bad("mutated-512-credential", "The credential of one HMAC-512 key replaced by another's.", put("authorization", lambda v: v.replace("billing-service", "orders-512")), credential="billing-service")
    bad("mutated-credential-case", "Signed for another spelling of the credential.", sign={"credential": "Orders-Service"})
    for name, secret in (("other-service", seed("other", 32)), ("zero", bytes(32)), ("one-byte-less", EXAMPLE_SECRET[:-1]),
            ("one-byte-more", EXAMPLE_SECRET + b"!"), ("empty", b""),
            ("text", b"csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
                         ("text-without-prefix", b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
                         ("hex", EXAMPLE_SECRET.hex().encode()), ("hashed", hashlib.sha256(EXAMPLE_SECRET).digest()),
                         ("reversed", EXAMPLE_SECRET[::-1])):
        bad("secret-" + name, "Signed with something else than the secret's bytes.", secret=secret)
    bad("secret-high-bytes-as-utf-8", "A secret is bytes; encoding it as text first gives another key.", credential="high-bytes", secret=("\u00ff" * 32).encode("utf-8"))
    bad("rotation-gone", "A secret that has expired does not verify although others of the key are live.", credential="rotating-service", secret="gone")
    bad("rotation-later", "A secret that is not live yet does not verify.", credential="rotating-service", secret="later")
    bad("rotation-old-at-end", "At the instant of notAfter a secret is no longer tried.", credential="rotating-service", secret="old", verifier={"now": "2020-01-01T12:05:00Z"})
    bad("rotation-later-too-soon", "A millisecond before notBefore a secret is not tried.", credential="rotating-service", secret="later", verifier={"now": "2020-01-01T12:04:59.999Z"})
    for index in (0, 1, 15, 16, 30, 31):
        bad("signature-flip-byte-%d" % index, "One bit of the MAC was flipped.", signature=flip(index), **WORKED)
    bad("signature-flip-top-bit", "The top bit of the last byte was flipped.", signature=flip(31, 0x80), **WORKED)
    for index in (0, 31, 32, 63):
        bad("signature-512-flip-byte-%d" % index, "One bit of the MAC was flipped; all 64 bytes count.", signature=flip(index), credential="billing-service")
    for name, why, change in (("zeros", "A MAC of zeros.", lambda s: b64(bytes(32))),
            ("ones", "A MAC of ones.", lambda s: b64(b"\xff" * 32)),
            ("reversed", "The bytes of the MAC in reverse.", lambda s: b64(base64.b64decode(s)[::-1])),
            ("case", "Base64 is compared with case.", lambda s: s[0].swapcase() + s[1:]),
                              ("of-get", "The signature of another request of the same key.", lambda s: GET_TAG),
                              ("hash", "A plain hash of nothing.", lambda s: b64(hashlib.sha256(b"").digest()))):
        bad("signature-" + name, why, signature=change, **WORKED)
    bad("signature-512-cut-of-512", "Half a MAC of SHA-512 is no MAC of SHA-256.", text=None, **dict(WORKED, signature=lambda s: b64(R.mac("HMAC-512", EXAMPLE_SECRET, b"x")[:32])))
    bad("list-shortened", "A signed field was taken off the list.", put("authorization", lambda v: v.replace(";x-extra", "")), headers=[("X-Extra", "v")], also=["x-extra"])
    bad("list-lengthened", "A field was put on the list after signing.", put("authorization", lambda v: v.replace("SignedHeaders=", "SignedHeaders=accept;")), headers=[("Accept", "*/*")])
    bad("list-swapped", "X-Date was listed in place of Date, with the same value.", both(put("authorization", lambda v: v.replace("date;host;x-nonce", "host;x-date;x-nonce")), more(("X-Date", DATE))))
    bad("value-moved", "Two signed values changed places.", both(put("x-a", "2"), put("x-b", "1")), headers=[("X-A", "1"),
            ("X-B", "2")], also=["x-a", "x-b"])
    bad("value-shifted", "The boundary between two values was moved.", both(put("x-a", "1"), put("x-b", "23")), headers=[("X-A", "12"),
            ("X-B", "3")], also=["x-a", "x-b"])
    bad("value-inner-space", "Inner white space counts.", put("x-extra", "a b"), headers=[("X-Extra", "a  b")], also=["x-extra"])
    bad("value-tab-for-space", "A tab is not a space.", put("x-extra", "a\tb"), headers=[("X-Extra", "a b")], also=["x-extra"])
    bad("value-override", "A signed method override was changed.", put("x-http-method-override", "DELETE"), method="POST", body="", headers=[("X-HTTP-Method-Override", "PUT")])
    bad("value-encoding", "A signed Content-Encoding was changed.", put("content-encoding", "br"), method="POST", body="abc", headers=[("Content-Encoding", "gzip")])
    bad("value-tenant", "A field the verifier requires was changed.", put("x-tenant", "t2"), headers=[("X-Tenant", "t1")], also=["x-tenant"], verifier={"requiredHeaders": ["x-tenant"]})
    # slips of signers
    for name, why, text in (
            ("no-last-line-feed", "Every line ends in a line feed, the last one too.", lambda s: s[:-1]),
            ("two-last-line-feeds", "One line feed ends the last line.", lambda s: s + "\n"),
            ("crlf", "Lines end in a line feed alone.", lambda s: s.replace("\n", "\r\n")),
            ("no-line-feeds", "Parts joined without separators are ambiguous.", lambda s: s.replace("\n", "")),
            ("no-space", "A colon and one space follow the name.", lambda s: s.replace(": ", ":")),
            ("upper-names", "Names are in lower case.", lambda s: s.replace("host:", "Host:")),
            ("method-lower", "The method is signed as sent.", lambda s: s.replace("\nPOST\n", "\npost\n")),
            ("scheme-lower", "The scheme is signed in upper case.", lambda s: s.replace("HMAC-256", "hmac-256")),
            ("no-scheme", "The scheme is part of the string.", lambda s: s.split("\n", 1)[1]),
            ("no-credential", "The credential is part of the string.", lambda s: s.replace("orders-service\n", "")),
            ("raw-target", "The target is signed in canonical form.", lambda s: s.replace(WORKED_CANON, WORKED["target"])),
            ("lower-hex", "Hex is upper case.", lambda s: s.replace("%C3%A9", "%c3%a9")),
            ("decoded", "What is not unreserved stays encoded.", lambda s: s.replace("%C3%A9", "\u00e9").encode("utf-8")),
            ("sorted-by-value", "Values do not take part in the sorting.", lambda s: s.replace("tag=b&tag=a", "tag=a&tag=b")),
            ("no-query", "The query is part of the string.", lambda s: s.replace(WORKED_CANON[WORKED_CANON.index("?"):], "")),
            ("host-with-port", "The default port is dropped.", lambda s: s.replace("host: api.example.com", "host: api.example.com:443")),
            ("host-as-sent", "The host is lower-cased.", lambda s: s.replace("host: api", "host: API")),
            ("no-date", "Every listed field is in the string.", lambda s: s.replace("date: %s\n" % DATE, "")),
            ("other-order", "Lines stand in the order of the list.", lambda s: s.replace("host: api.example.com\nx-nonce: 4fA9sGdR2l3n0QwErTy8uA\n", "x-nonce: 4fA9sGdR2l3n0QwErTy8uA\nhost: api.example.com\n")),
            ("with-body", "The body is in the string by its digest only.", lambda s: s + WORKED["body"]),
            ("list-line", "The list itself is no line.", lambda s: s + "content-digest;content-type;date;host;x-nonce\n"),
            ("url-scheme", "A signature of the URL form is no request signature.", lambda s: s.replace("HMAC-256\n", "HMAC-256-URL\n")),
            ("response-scheme", "A signature of the response form is no request signature.", lambda s: s.replace("HMAC-256\n", "HMAC-256-RESPONSE\n")),
            ("empty", "A MAC of nothing.", lambda s: ""),
            ("hash-of-string", "The MAC is over the string, not over its hash.", lambda s: hashlib.sha256(s.encode()).hexdigest()),
            ("utf-16", "The string is ASCII.", lambda s: s.encode("utf-16-le"))):
        bad("signer-" + name, why, text=text, **WORKED)
    bad("signer-empty-value-trimmed", "An empty value signs with the space after the colon.", headers=[("X-Extra", "")], also=["x-extra"], text=lambda s: s.replace("x-extra: \n", "x-extra:\n"))
    bad("signer-white-space-collapsed", "Inner white space is not collapsed.", headers=[("X-Extra", "a   b")], also=["x-extra"], values={"x-extra": "a b"})
    bad("signer-value-lowered", "Values keep their case.", headers=[("X-Extra", "ABC")], also=["x-extra"], values={"x-extra": "abc"})
    bad("signer-empty-query-kept", "An empty query is dropped with its question mark.", target="/a?", sign={"target": "/a?"})
    bad("signer-plus-decoded", "A plus sign is signed as it is.", target="/?q=a+b", sign={"target": "/?q=a%20b"})
    bad("signer-sorted-whole", "Whole pieces are not what is sorted.", target="/?a-b=1&a=2", sign={"target": "/?a-b=1&a=2"})
    bad("signer-sorted-locale", "Names are not sorted as in a dictionary.", target="/?a=1&B=2&_=3", sign={"target": "/?_=3&a=1&B=2"})
    bad("signer-sorted-before-decoding", "Sorting follows normalisation.", target="/?%7a=1&a=2&b=3", sign={"target": "/?z=1&a=2&b=3"})
    bad("signer-unsorted", "The query is sorted.", target="/?b=1&a=2", sign={"target": "/?b=1&a=2"})
    bad("signer-double-decoded", "Escapes are resolved once.", target="/%257e", sign={"target": "/~"})
    bad("signer-reserved-decoded", "Only unreserved characters are decoded.", target="/a%2Cb", sign={"target": "/a,b"})
    bad("signer-ipv6-compressed", "An IPv6 address is not rewritten.", host="[0:0:0:0:0:0:0:1]", verifier={"hosts": ["[0:0:0:0:0:0:0:1]"]}, values={"host": "[::1]"})
    bad("signer-port-zeros-dropped", "Only the exact default ports are dropped.", host="api.example.com:0443", verifier={"hosts": ["api.example.com:0443"]}, values={"host": "api.example.com"})
    bad("signer-override-method", "The method signed is the one of the request line, not of the override.", method="POST", body="", headers=[("X-HTTP-Method-Override", "DELETE")], sign={"method": "DELETE"})
    bad("x-date-tampered", "A signed X-Date is protected like Date.", put("x-date", imf(BASE + 2)), time_field="X-Date")
    bad("signature-before-date", "The signature comes before the freshness.", date=imf(BASE - 301), signature=flip(3))
    bad("signature-before-nonce", "The signature comes before the form of the nonce.", nonce="short", signature=flip(3))
    bad("signature-before-body", "The signature comes before the body.", line(body='{"ok":nope}'), **posted(signature=flip(3)))
    bad("signature-before-replay", "A forged request does not learn whether a nonce was used.", nonce="F" * 22, claimed=[["orders-service", "F" * 22]], signature=flip(3))
    bad("signature-before-size", "The signature comes before the size of the body.", verifier={"maxBodyBytes": 4}, **posted(signature=flip(3)))


# ---- refused: stages 6, 8, 9 ---------------------------------------------------------------------

DATES_REFUSED = [
    ("junk", "aaaa"), ("empty", ""), ("wrong-weekday", "Thu, 01 Jan 2020 12:00:30 GMT"),
    ("lower-weekday", "wed, 01 Jan 2020 12:00:30 GMT"), ("upper-weekday", "WED, 01 Jan 2020 12:00:30 GMT"),
    ("long-weekday", "Wednesday, 01 Jan 2020 12:00:30 GMT"), ("no-weekday", "01 Jan 2020 12:00:30 GMT"),
    ("one-digit-day", "Wed, 1 Jan 2020 12:00:30 GMT"), ("space-day", "Wed,  1 Jan 2020 12:00:30 GMT"),
    ("no-comma", "Wed 01 Jan 2020 12:00:30 GMT"), ("no-space", "Wed,01 Jan 2020 12:00:30 GMT"),
    ("two-spaces", "Wed, 01 Jan 2020  12:00:30 GMT"), ("tab", "Wed,\t01 Jan 2020 12:00:30 GMT"),
    ("lower-month", "Wed, 01 jan 2020 12:00:30 GMT"), ("upper-month", "Wed, 01 JAN 2020 12:00:30 GMT"),
    ("long-month", "Wed, 01 January 2020 12:00:30 GMT"), ("number-month", "Wed, 01 01 2020 12:00:30 GMT"),
    ("foreign-month", "Wed, 01 Mai 2020 12:00:30 GMT"),
    ("lower-gmt", "Wed, 01 Jan 2020 12:00:30 gmt"), ("utc", "Wed, 01 Jan 2020 12:00:30 UTC"),
    ("z", "Wed, 01 Jan 2020 12:00:30 Z"), ("offset", "Wed, 01 Jan 2020 12:00:30 +0000"),
    ("offset-hour", "Wed, 01 Jan 2020 13:00:30 GMT+1"), ("no-zone", "Wed, 01 Jan 2020 12:00:30"),
    ("est", "Wed, 01 Jan 2020 07:00:30 EST"),
    ("fraction", "Wed, 01 Jan 2020 12:00:30.0 GMT"), ("no-seconds", "Wed, 01 Jan 2020 12:00 GMT"),
    ("second-60", "Wed, 01 Jan 2020 12:00:60 GMT"), ("minute-60", "Wed, 01 Jan 2020 12:60:30 GMT"),
    ("hour-24", "Wed, 01 Jan 2020 24:00:00 GMT"), ("one-digit-hour", "Wed, 01 Jan 2020 1:00:30 GMT"),
    ("pm", "Wed, 01 Jan 2020 12:00:30 PM GMT"),
    ("day-00", "Tue, 00 Jan 2020 12:00:30 GMT"), ("day-32", "Sat, 32 Jan 2020 12:00:30 GMT"),
    ("february-30", "Sun, 30 Feb 2020 12:00:30 GMT"), ("february-29-common", "Fri, 29 Feb 2019 12:00:30 GMT"),
    ("february-29-1900", "Thu, 29 Feb 1900 12:00:30 GMT"), ("february-29-2100", "Mon, 29 Feb 2100 12:00:30 GMT"),
    ("april-31", "Fri, 31 Apr 2020 12:00:30 GMT"), ("june-31", "Wed, 31 Jun 2020 12:00:30 GMT"),
    ("rfc-850", "Wednesday, 01-Jan-20 12:00:30 GMT"), ("asctime", "Wed Jan  1 12:00:30 2020"),
    ("rfc-3339", "2020-01-01T12:00:30Z"), ("basic", "20200101T120030Z"), ("unix", "1577880030"),
    ("unix-milliseconds", "1577880030000"), ("dashes", "Wed, 01-Jan-2020 12:00:30 GMT"),
    ("two-digit-year", "Wed, 01 Jan 20 12:00:30 GMT"), ("five-digit-year", "Wed, 01 Jan 02020 12:00:30 GMT"),
    ("negative-year", "Wed, 01 Jan -020 12:00:30 GMT"), ("trailing-text", "Wed, 01 Jan 2020 12:00:30 GMT x"),
    ("trailing-comma", "Wed, 01 Jan 2020 12:00:30 GMT,"), ("comment", "Wed, 01 Jan 2020 12:00:30 GMT (UTC)"),
    ("joined", DATE + ", " + DATE), ("quotes", '"' + DATE + '"'), ("infinity", "Infinity"), ("nan", "NaN"), ("null", "null"),
    ("now", "now"), ("dots", "Wed, 01 Jan 2020 12.00.30 GMT"), ("month-first", "Wed, Jan 01 2020 12:00:30 GMT"),
]


def refused_stage_6():
    for name, value in DATES_REFUSED:
        ref("date_malformed", 6, "date-" + name, "Properly signed, but not an IMF-fixdate to the letter.", date=value)
    ref("date_malformed", 6, "x-date-malformed", "X-Date has the same form.", time_field="X-Date", date="20200101T120030Z")
    ref("date_malformed", 6, "x-date-malformed-date-good", "A good Date nobody signed does not stand in for a bad X-Date.", time_field="X-Date", date="aaaa", headers=[("Date", DATE)], without=["date"])
    for offset, name in ((301, "301"), (302, "302"), (3600, "hour"), (86400, "day"), (31536000, "year")):
        ref("date_expired", 6, "expired-" + name, "Signed too long ago.", date=imf(BASE - offset))
        ref("date_in_future", 6, "future-" + name, "Signed too far ahead.", date=imf(BASE + offset))
    ref("date_expired", 6, "expired-1970", "The beginning of Unix time is long ago.", date="Thu, 01 Jan 1970 00:00:00 GMT")
    ref("date_expired", 6, "expired-before-1970", "Dates before 1970 are dates.", date="Wed, 31 Dec 1969 23:59:59 GMT")
    ref("date_expired", 6, "expired-year-0020", "A year of four digits is taken as it stands, not as a year of this century.", date="Wed, 01 Jan 0020 12:00:30 GMT")
    ref("date_expired", 6, "expired-year-0000", "Year 0 is a year.", date="Sat, 01 Jan 0000 00:00:00 GMT")
    ref("date_in_future", 6, "future-9999", "The last second of the form.", date="Fri, 31 Dec 9999 23:59:59 GMT")
    ref("date_in_future", 6, "future-2038", "Beyond 32 bits.", date="Tue, 19 Jan 2038 03:14:08 GMT")
    ref("date_expired", 6, "expired-whole-second", "The next whole second is one too many.", verifier={"now": "2020-01-01T12:05:31Z"})
    ref("date_expired", 6, "expired-fraction", "A fraction behind that second changes nothing.", verifier={"now": "2020-01-01T12:05:31.001Z"})
    ref("date_in_future", 6, "future-fraction", "The clock is cut, not rounded up, ahead as well.", date=imf(BASE + 300), verifier={"now": "2020-01-01T12:00:29.999Z"})
    ref("date_expired", 6, "expired-skew-1", "A skew of one second refuses two.", date=imf(BASE - 2), verifier={"skew": 1})
    ref("date_in_future", 6, "future-skew-1", "A skew of one second refuses two, ahead as well.", date=imf(BASE + 2), verifier={"skew": 1})
    ref("date_expired", 6, "expired-skew-3600", "A skew of an hour ends after the hour.", date=imf(BASE - 3601), verifier={"skew": 3600})
    ref("date_in_future", 6, "future-skew-3600", "A skew of an hour ends after the hour, ahead as well.", date=imf(BASE + 3601), verifier={"skew": 3600})
    ref("date_expired", 6, "expired-x-date", "X-Date ages too.", time_field="X-Date", date=imf(BASE - 301))
    ref("date_expired", 6, "expired-unsigned-x-date-fresh", "A fresh X-Date nobody signed does not stand in for an old Date.", date=imf(BASE - 301), headers=[("X-Date", DATE)])
    ref("date_expired", 6, "expired-unsigned-date-fresh", "A fresh Date nobody signed does not stand in for an old X-Date.", time_field="X-Date", date=imf(BASE - 301), headers=[("Date", DATE)], without=["date"])
    ref("date_in_future", 6, "future-x-date", "X-Date may not run ahead.", time_field="X-Date", date=imf(BASE + 301))
    ref("date_expired", 6, "expired-worked", "The worked example, captured and sent a day later.", verifier={"now": "2020-01-02T12:00:30Z"}, **WORKED)
    ref("date_in_future", 6, "future-worked", "The worked example, before its time.", verifier={"now": "2020-01-01T11:55:29Z"}, **WORKED)
    for name, nonce in (("15", "n" * 15), ("129", "n" * 129), ("empty", ""), ("1", "n"), ("plus", "AAAAAAAAAAAAAAAAAAAA+A"),
            ("slash", "AAAAAAAAAAAAAAAAAAAA/A"), ("padding", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("space", "AAAAAAAAAA AAAAAAAAAAA"), ("tab", "AAAAAAAAAA\tAAAAAAAAAAA"), ("dot", "AAAAAAAAAA.AAAAAAAAAAA"),
            ("tilde", "AAAAAAAAAA~AAAAAAAAAAA"),
                        ("colon", "AAAAAAAAAA:AAAAAAAAAAA"), ("comma", "AAAAAAAAAAAAAAAA, BBBBBBBBBBBBBBBB"),
                        ("percent", "AAAAAAAAAAAAAAAAAA%41"), ("quotes", '"AAAAAAAAAAAAAAAAAA"'),
                        ("braces", "{AAAAAAAA-AAAA-AAAA-AAAA}"), ("asterisk", "AAAAAAAAAAAAAAAAAAAA*")):
        ref("nonce_malformed", 6, "nonce-" + name, "Properly signed, but a nonce is 16 to 128 of letters, digits, underscore and dash.", nonce=nonce)
    ref("date_expired", 6, "order-date-before-nonce", "The date comes before the nonce.", nonce="short", date=imf(BASE - 301))
    ref("date_malformed", 6, "order-date-form-before-nonce", "The form of the date comes before the nonce.", nonce="short", date="aaaa")
    ref("nonce_malformed", 6, "order-nonce-before-body", "The nonce comes before the body.", nonce="short", tamper=line(body='{"ok":nope}'), **POST)
    ref("date_expired", 6, "order-date-before-body", "Freshness comes before the body.", date=imf(BASE - 301), tamper=line(body='{"ok":nope}'), **POST)
    ref("date_expired", 6, "order-date-before-replay", "Freshness comes before the claim.", date=imf(BASE - 301), nonce="G" * 22, claimed=[["orders-service", "G" * 22]])


DIGESTS_REFUSED = [
    ("empty", "", "There is no member."),
    ("no-colons", "sha-256=" + b64(hashlib.sha256(b"abc").digest()), "A value stands between colons."),
    ("one-colon", digest(b"abc")[:-1], "A value ends with a colon."), ("no-value", "sha-256", "A member has a value."),
    ("empty-value", "sha-256=::", "No bytes are not 32 bytes."),
    ("bare-equals", "sha-256=", "A member has a value between colons."),
    ("upper-name", digest(b"abc").replace("sha", "SHA"), "Keys are in lower case."),
    ("other-only", "md5=:kAFQmDzST7DWlj99KOF/cg==:", "None of our two algorithms is there."),
    ("sha-384-only", "sha-384=:" + b64(hashlib.sha384(b"abc").digest()) + ":", "None of our two algorithms is there."),
    ("sha256-name", digest(b"abc").replace("sha-256", "sha256"), "The name is sha-256, with its dash."),
    ("sha-1-only", "sha=:" + b64(hashlib.sha1(b"abc").digest()) + ":", "None of our two algorithms is there."),
    ("twice", digest(b"abc", "sha-256", "sha-256"), "One of ours is there twice."),
    ("twice-512", digest(b"abc", "sha-512", "sha-256", "sha-512"), "One of ours is there twice."),
    ("twice-differ", digest(b"x") + ", " + digest(b"abc"), "One of ours is there twice, the last one right."),
    ("twice-differ-first", digest(b"abc") + ", " + digest(b"x"), "One of ours is there twice, the first one right."),
    ("trailing-comma", digest(b"abc") + ",", "No member is empty."),
    ("leading-comma", "," + digest(b"abc"), "No member is empty."),
    ("double-comma", digest(b"abc") + ",, " + digest(b"abc", "sha-512"), "No member is empty."),
    ("only-comma", ",", "No member is empty."),
    ("semicolon", digest(b"abc") + "; " + digest(b"abc", "sha-512"), "Members are separated by commas."),
    ("space-separated", digest(b"abc") + " " + digest(b"abc", "sha-512"), "Members are separated by commas."),
    ("parameter", digest(b"abc") + ";q=1", "There are no parameters."),
    ("other-parameter", digest(b"abc") + ", md5=:AAAA:;x", "There are no parameters on other members either."),
    ("string", 'sha-256="' + b64(hashlib.sha256(b"abc").digest()) + '"', "A value is a byte sequence."),
    ("other-string", digest(b"abc") + ', x="y"', "Other members are byte sequences too."),
    ("other-number", digest(b"abc") + ", x=1", "Other members are byte sequences too."),
    ("other-flag", digest(b"abc") + ", x", "Other members have a value too."),
    ("inner-list", "sha-256=(" + digest(b"abc")[8:] + ")", "A value is a byte sequence, no list."),
    ("no-padding", digest(b"abc").replace("=:", "=:", 1)[:-2] + ":", "Padding is required."),
    ("more-padding", digest(b"abc")[:-1] + "=:", "Padding is exact."),
    ("base64url", digest(b"Hello").replace("/", "_").replace("+", "-") if any(c in digest(b"Hello")[8:] for c in "/+") else None, "The alphabet is the standard one."),
    ("trailing-bits", None, "The unused bits of the last character are zero."),
    ("inner-space", digest(b"abc")[:20] + " " + digest(b"abc")[20:], "No white space inside a value."),
    ("space-before-equals", digest(b"abc").replace("=:", " =:", 1), "No white space around the equals sign."),
    ("space-after-equals", digest(b"abc").replace("=:", "= :", 1), "No white space around the equals sign."),
    ("space-in-colons", digest(b"abc")[:-1] + " :", "No white space between the colons."),
    ("31-bytes", "sha-256=:" + b64(hashlib.sha256(b"abc").digest()[:31]) + ":", "sha-256 has 32 bytes."),
    ("33-bytes", "sha-256=:" + b64(hashlib.sha256(b"abc").digest() + b"\0") + ":", "sha-256 has 32 bytes."),
    ("512-under-256", "sha-256=:" + b64(hashlib.sha512(b"abc").digest()) + ":", "sha-256 has 32 bytes."),
    ("256-under-512", "sha-512=:" + b64(hashlib.sha256(b"abc").digest()) + ":", "sha-512 has 64 bytes."),
    ("hex", "sha-256=:" + hashlib.sha256(b"abc").hexdigest() + ":", "A value is base64, not hex."),
    ("other-bad-base64", digest(b"abc") + ", md5=:AA:", "The base64 of other members is checked too."),
    ("other-trailing-bits", digest(b"abc") + ", md5=:AB==:", "The base64 of other members is canonical too."),
    ("digit-key", digest(b"abc") + ", 1x=:AAAA:", "A key begins with a letter or an asterisk."),
    ("upper-other-key", digest(b"abc") + ", Md5=:AAAA:", "Keys of other members are in lower case too."),
    ("old-digest", "SHA-256=" + b64(hashlib.sha256(b"abc").digest()), "The form of the older Digest field."),
    ("trailing-text", digest(b"abc") + " x", "Nothing follows the last member."),
    ("one-right-one-broken", digest(b"abc") + ", sha-512=:AAAA:", "A broken member spoils a right one."),
    ("no-name", "=:AAAA:, " + digest(b"abc"), "A member has a key."),
]
_tail = digest(b"abc")
DIGESTS_REFUSED = [(n, (_tail[:-3] + chr(ord(_tail[-3]) + 1) + "=:") if n == "trailing-bits" else v, w) for n, v, w in DIGESTS_REFUSED]
DIGESTS_REFUSED = [(n, re.sub("^(sha-256=:)(.*)$", lambda m: m.group(1) + "-" + m.group(2)[1:], _tail) if v is None else v, w) for n, v, w in DIGESTS_REFUSED]


def refused_stage_8():
    abc = dict(method="POST", body="abc")
    for name, value, why in DIGESTS_REFUSED:
        ref("digest_malformed", 8, "digest-" + name, "Properly signed. " + why, digest_value=value, **abc)
    ref("digest_malformed", 8, "digest-unsigned-malformed", "A digest nobody signed is checked all the same.", digest_value="aaaa", without=["content-digest"])
    ref("digest_malformed", 8, "digest-unsigned-8-bit", "A bad byte in a digest nobody signed is a fault of the digest.", digest_value=digest(b"") + "\u00e9", without=["content-digest"])
    ref("digest_malformed", 8, "digest-unsigned-empty", "An empty digest is there.", digest_value="", without=["content-digest"])
    ref("digest_malformed", 8, "digest-malformed-no-body", "A signed digest is checked without a body.", digest_value="sha-256=:x:")
    for name, why, wrong in (("bit", "One bit of the body was flipped.", '{"sku":"A-1","qty":3}'),
            ("case", "One letter of the body changed its case.", '{"sku":"a-1","qty":2}'),
            ("reordered", "The same JSON in other bytes.", '{"qty":2,"sku":"A-1"}'),
            ("blank", "A body of blanks of the same length.", " " * 21),
            ("quotes", "Quotes were replaced.", "{'sku':'A-1','qty':2}")):
        ref("digest_mismatch", 8, "body-" + name, why, tamper=line(body=wrong), **WORKED)
    for name, why, wrong in (("longer", "A byte was added and Content-Length follows.", '{"sku":"A-1","qty":22}'),
            ("line-feed", "A line feed was added and Content-Length follows.", '{"sku":"A-1","qty":2}\n'),
            ("shorter", "A byte was taken away and Content-Length follows.", '{"sku":"A-1","qty":2'),
            ("reserialised", "The JSON was written anew with spaces.", '{"sku": "A-1", "qty": 2}'),
            ("bom", "A byte order mark was put in front.", '\ufeff{"sku":"A-1","qty":2}')):
        ref("digest_mismatch", 8, "body-" + name, why, tamper=both(line(body=wrong), put("content-length", str(len(wrong.encode("utf-8"))))), **WORKED)
    ref("digest_mismatch", 8, "body-emptied", "The body was taken away and Content-Length is 0.", tamper=both(line(body=""), put("content-length", "0")), **WORKED)
    ref("digest_mismatch", 8, "body-dropped", "Body and Content-Length were taken away; the digest is checked over nothing.", tamper=both(line(body=""), drop("content-length")), **WORKED)
    ref("digest_mismatch", 8, "body-chunked-changed", "A chunked body was changed.", tamper=line(body="abd"), length=None, tail=[("Transfer-Encoding", "chunked")], **abc)
    ref("digest_mismatch", 8, "body-chunked-empty", "A chunked body never came.", tamper=line(body=""), length=None, tail=[("Transfer-Encoding", "chunked")], **abc)
    ref("digest_mismatch", 8, "body-undeclared-changed", "A body without Content-Length was changed.", tamper=line(body="abd"), length=None, **abc)
    ref("digest_mismatch", 8, "body-get-changed", "The body of a GET was changed.", tamper=line(body="abd"), body="abc")
    ref("digest_mismatch", 8, "digest-of-other", "Digest and body were signed apart: a true signature over a false digest.", digest_value=digest(b"abd"), **abc)
    ref("digest_mismatch", 8, "digest-of-nothing", "The digest of nothing for a body.", digest_value=digest(b""), **abc)
    ref("digest_mismatch", 8, "digest-zeros", "A digest of zeros.", digest_value="sha-256=:" + b64(bytes(32)) + ":", **abc)
    ref("digest_mismatch", 8, "digest-512-wrong", "A wrong sha-512 alone.", digest_value=digest(b"abd", "sha-512"), **abc)
    ref("digest_mismatch", 8, "digest-both-512-wrong", "Both are there and sha-512 is wrong.", digest_value=digest(b"abc") + ", " + digest(b"abd", "sha-512"), **abc)
    ref("digest_mismatch", 8, "digest-both-256-wrong", "Both are there and sha-256 is wrong.", digest_value=digest(b"abd") + ", " + digest(b"abc", "sha-512"), **abc)
    ref("digest_mismatch", 8, "digest-both-wrong-512-first", "Both are there, the wrong one last.", digest_value=digest(b"abc", "sha-512") + ", " + digest(b"abd"), **abc)
    ref("digest_mismatch", 8, "digest-no-body", "A signed digest that promises a body when nothing arrived.", digest_value=digest(b"abc"))
    ref("digest_mismatch", 8, "digest-unsigned-no-body", "The same with a digest nobody signed.", digest_value=digest(b"abc"), without=["content-digest"])
    ref("digest_mismatch", 8, "digest-before-coding", "The digest of the body before its content coding.", method="POST", headers=[("Content-Encoding", "gzip")], body=base64.b64decode("H4sIAAAAAAAC/6tWys9WsiopKk2tBQA="), digest_value=digest(b'{"ok":true}'))
    ref("digest_mismatch", 8, "digest-latin-1", "The digest of the text in another encoding.", method="POST", body="caf\u00e9", digest_value=digest("caf\u00e9".encode("latin-1")))
    ref("digest_mismatch", 8, "digest-of-base64", "The digest of the body's base64.", digest_value=digest(b"YWJj"), **abc)
    ref("digest_missing", 8, "undeclared-no-digest", "Bytes arrived that nothing announced and no digest covers.", digest_value=None, length=None, **abc)
    ref("digest_missing", 8, "undeclared-no-digest-get", "A GET with bytes that nothing announced.", body="abc", digest_value=None, length=None)
    ref("digest_missing", 8, "undeclared-unsigned-digest", "Bytes arrived unannounced and the digest beside them is not signed.", without=["content-digest"], length=None, **abc)
    ref("digest_missing", 8, "undeclared-unsigned-wrong-digest", "A missing signature on the digest comes before its value.", without=["content-digest"], length=None, digest_value="aaaa", **abc)
    limit = {"maxBodyBytes": 64}
    ref("body_too_large", 8, "large-declared", "Content-Length is one byte over the limit.", method="POST", body="x" * 65, verifier=limit)
    ref("body_too_large", 8, "large-declared-only", "Content-Length alone decides, before anything is read.", method="POST", length="65", digest_value=digest(b""), verifier=limit)
    ref("body_too_large", 8, "large-default", "One byte over a mebibyte declared.", method="POST", length="1048577", digest_value=digest(b""))
    for name, number in (("2-53", "9007199254740993"), ("2-64", "18446744073709551617"), ("digits", "9" * 400),
            ("2-32", "4294967299")):
        ref("body_too_large", 8, "large-" + name, "A length beyond what numbers hold is large, not small.", method="POST", body="abc", length=number)
    ref("body_too_large", 8, "large-arrived-chunked", "More than the limit arrived in chunks.", method="POST", body="x" * 65, length=None, tail=[("Transfer-Encoding", "chunked")], verifier=limit)
    ref("body_too_large", 8, "large-arrived-undeclared", "More than the limit arrived unannounced.", method="POST", body="x" * 65, length=None, verifier=limit)
    ref("body_too_large", 8, "large-arrived-over-length", "More than the limit arrived, though Content-Length is within it.", method="POST", body="x" * 65, length="64", verifier=limit)
    ref("body_too_large", 8, "large-before-digest", "The size comes before the digest.", method="POST", body="x" * 65, digest_value="aaaa", verifier=limit)
    ref("body_too_large", 8, "large-before-missing", "The size comes before the missing digest.", method="POST", body="x" * 65, digest_value=None, length=None, verifier=limit)
    ref("body_incomplete", 8, "incomplete-short", "Fewer bytes than Content-Length arrived.", length="4", **abc)
    ref("body_incomplete", 8, "incomplete-none", "Nothing arrived.", method="POST", length="3", digest_value=digest(b"abc"))
    ref("body_incomplete", 8, "incomplete-long", "More bytes than Content-Length arrived.", length="2", **abc)
    ref("body_incomplete", 8, "incomplete-zero", "Bytes arrived although Content-Length is 0.", length="0", **abc)
    ref("body_incomplete", 8, "incomplete-cut", "The worked example was cut on the way.", tamper=line(body='{"sku":"A-1",'), **WORKED)
    ref("body_incomplete", 8, "incomplete-before-digest", "Length comes before the digest.", length="4", digest_value="aaaa", **abc)
    ref("body_incomplete", 8, "incomplete-before-missing", "Length comes before the missing digest.", length="0", digest_value=None, **abc)
    ref("digest_malformed", 8, "order-digest-before-replay", "The body comes before the claim.", nonce="H" * 22, claimed=[["orders-service", "H" * 22]], digest_value="aaaa", **abc)
    ref("digest_mismatch", 8, "order-mismatch-before-replay", "A wrong body does not learn whether a nonce was used.", nonce="H" * 22, claimed=[["orders-service", "H" * 22]], digest_value=digest(b"x"), **abc)


def refused_stage_9():
    ref("nonce_replayed", 9, "replay-worked", "The worked example a second time.", claimed=[["orders-service", "4fA9sGdR2l3n0QwErTy8uA"]], **WORKED)
    ref("nonce_replayed", 9, "replay-get", "The plain GET a second time.", nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-other-request", "A nonce is used up whatever the request was.", method="DELETE", target="/other", nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-new-date", "A nonce is used up although the request is signed anew with another date.", date=imf(BASE + 30), nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-x-date", "A nonce is used up whichever field dates it.", time_field="X-Date", nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-among-many", "One of many remembered pairs.", nonce="M" * 22, claimed=[["other-service", "M" * 22], ["orders-service", "L" * 22], ["orders-service", "M" * 22]])
    ref("nonce_replayed", 9, "replay-other-secret", "Nonces belong to the credential, not to its secret.", credential="rotating-service", secret="next", nonce="R" * 22, claimed=[["rotating-service", "R" * 22]])
    ref("nonce_replayed", 9, "replay-lower-scheme", "The case of the scheme makes no new request.", scheme="hmac-256", nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-respelled-target", "Another spelling of the target makes no new request.", tamper=line(target=WORKED_CANON), claimed=[["orders-service", "4fA9sGdR2l3n0QwErTy8uA"]], **WORKED)
    ref("nonce_replayed", 9, "replay-unsigned-changed", "A new unsigned field makes no new request.", tamper=more(("X-Request-Id", "2")), nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-ows", "White space around the nonce makes no new nonce.", tamper=put("x-nonce", " " + "A" * 22 + "\t"), nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-at-last-second", "A pair is remembered to the end of the window.", date=imf(BASE - 300), nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-future-dated", "A request from a clock ahead is remembered too.", date=imf(BASE + 300), nonce="A" * 22, claimed=[["orders-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-512", "The same for HMAC-512.", credential="billing-service", nonce="A" * 22, claimed=[["billing-service", "A" * 22]])
    ref("nonce_replayed", 9, "replay-nonce-16", "The shortest nonce.", nonce="0123456789abcdef", claimed=[["orders-service", "0123456789abcdef"]])
    ref("nonce_replayed", 9, "replay-nonce-128", "The longest nonce is remembered whole.", nonce="x" * 127 + "y", claimed=[["orders-service", "x" * 127 + "y"]])
    acc("replay-nonce-128-differs", "Long nonces that differ in the last character are two.", nonce="x" * 127 + "z", claimed=[["orders-service", "x" * 127 + "y"]])


# ---- units ---------------------------------------------------------------------------------------

def units():
    seen = set()
    for made in ACCEPTED:
        if made["name"].startswith("target-"):
            unit("targets.json", made["name"][7:], made["why"], input=made["request"]["target"], canonical=made["canonicalTarget"])
            seen.add(made["name"][7:])
    for name, target, canonical in (
            ("root", "/", "/"), ("plain", "/v1/orders", "/v1/orders"), ("worked", WORKED["target"], WORKED_CANON),
            ("tilde-path", "/~alice", "/~alice"), ("encoded-unreserved-query", "/?%61%2D%2E%5f%7e=%30", "/?a-._~=0"),
            ("mixed-hex", "/%aF%Fa", "/%AF%FA"),
            ("semicolon-only", "/;", "/;"), ("semicolon-first", "/;a/b", "/;a/b"),
            ("encoded-semicolon-first", "/%3b..", "/%3B.."), ("dots-and-name", "/..a/a../.a./", "/..a/a../.a./"),
            ("four-dots", "/....", "/...."), ("encoded-three-dots", "/%2e%2e%2e", "/..."),
            ("colon-first-segment", "/a:b", "/a:b"), ("at", "/@a", "/@a"), ("encoded-question", "/a%3Fb?c", "/a%3Fb?c"),
            ("encoded-space-only", "/%20", "/%20"), ("encoded-80", "/%80", "/%80"),
            ("query-encoded-slash", "/?a=%2f..%2f", "/?a=%2F..%2F"), ("query-encoded-hash", "/?a=%23", "/?a=%23"),
            ("query-only-equals", "/?=", "/?="), ("query-two-equals", "/?==&=", "/?==&="),
            ("query-question-only", "/??", "/??"), ("query-ampersands", "/?&&&", "/?&&&"),
            ("sort-empty-names", "/?=b&&=a&x", "/?=b&&=a&x"),
            ("sort-hex", "/?%ff=1&%00".replace("%00", "%01") + "=2", "/?%01=2&%FF=1"),
            ("sort-percent-before-digits", "/?1=a&%20=b&!=c", "/?!=c&%20=b&1=a"),
            ("sort-upper-hex-matters", "/?%c3=1&%C2=2", "/?%C2=2&%C3=1"),
            ("sort-twenty", "/?" + "&".join("k=%d" % i for i in range(20)), "/?" + "&".join("k=%d" % i for i in range(20))),
            ("sort-reverse", "/?e&d&c&b&a", "/?a&b&c&d&e"), ("sort-plus", "/?a+b=1&a=2&a%20b=3", "/?a=2&a%20b=3&a+b=1"),
            ("sort-semicolon", "/?a;b=1&a=2", "/?a=2&a;b=1"), ("sort-digits", "/?a10&a9&a1", "/?a1&a10&a9"),
            ("sort-case", "/?b&B&a&A", "/?A&B&a&b")):
        unit("targets.json", "more-" + name, "A further canonical form, written by hand.", input=target, canonical=canonical)
    unit("targets.json", "idempotent-worked", "A canonical target is its own canonical form.", input=WORKED_CANON, canonical=WORKED_CANON)
    for name, why, target in TARGETS_REFUSED:
        unit("targets.json", "refused-" + name, why, input=target, code="target_malformed")
    for name, target in (("snowman", "/\u2603"), ("emoji", "/\U0001f600"), ("fullwidth-slash", "/a\uff0f..\uff0fb"),
            ("fullwidth-dots", "/a/\uff0e\uff0e/b"), ("line-separator", "/a\u2028b"), ("no-break-space", "/\u00a0"),
            ("kelvin", "/\u212a"), ("emoji-query", "/?\U0001f600"), ("fullwidth-hex", "/%\uff14\uff11"),
            ("arabic-digits", "/%\u0664\u0661")):
        unit("targets.json", "refused-text-" + name, "Characters beyond ASCII have no place in a target, whatever they resemble.", input=target, code="target_malformed")
    for byte in list(range(0x01, 0x20)) + [0x7F]:
        unit("targets.json", "refused-control-%02x" % byte, "This control may not stand encoded in the path.", input="/a%%%02x" % byte, code="target_malformed")
    unit("targets.json", "too-long", "8,193 characters are too long.", input="/" + "a" * 8192, code="target_too_long")
    unit("targets.json", "too-long-malformed", "Length comes before form.", input="a" * 8193, code="target_too_long")
    unit("targets.json", "long-malformed", "8,192 characters are not too long, but these are malformed.", input="a" * 8192, code="target_malformed")

    good = dict(scheme="HMAC-256", credential="orders-service", signedHeaders=["date", "host", "x-nonce"], signature=GET_TAG)
    plain = R.compose_authorization("HMAC-256", "orders-service", good["signedHeaders"], GET_TAG)
    unit("authorization.json", "plain", "The usual form.", value=plain, **good)
    unit("authorization.json", "lower-scheme", "The scheme is case-insensitive.", value=plain.replace("HMAC", "hmac"), **good)
    unit("authorization.json", "spaces", "A space after each comma.", value=plain.replace(",", ", "), **good)
    unit("authorization.json", "outer-white-space", "White space around the value.", value="\t " + plain + " \t", **good)
    unit("authorization.json", "one-name", "One name is enough for the grammar.", value=plain.replace("date;host;x-nonce", "host"), **dict(good, signedHeaders=["host"]))
    unit("authorization.json", "token-name", "A name is any lower-case token.", value=plain.replace("date;host;x-nonce", "!#$%&'*+-.^_`|~;0;__proto__"), **dict(good, signedHeaders=["!#$%&'*+-.^_`|~", "0", "__proto__"]))
    unit("authorization.json", "short-credential", "A credential of one character.", value=plain.replace("orders-service", "-"), **dict(good, credential="-"))
    unit("authorization.json", "proto-credential", "A credential that is special in some languages.", value=plain.replace("orders-service", "__proto__"), **dict(good, credential="__proto__"))
    tag512 = b64(R.mac("HMAC-512", EXAMPLE_SECRET, b"authorization"))
    unit("authorization.json", "hmac-512", "88 characters under HMAC-512.", value=plain.replace("HMAC-256", "HMAC-512").replace(GET_TAG, tag512), **dict(good, scheme="HMAC-512", signature=tag512))
    for made in ACCEPTED:
        if made["name"] in ("key-credential-128", "signed-32", "authorization-4096", "sorted-by-byte"):
            value = [v for n, v in made["request"]["headers"] if n == "Authorization"][0]
            unit("authorization.json", made["name"], made["why"], value=value, scheme="HMAC-256", credential=made["credential"], signedHeaders=made["signedHeaders"], signature=made["signature"])
    for made in REFUSED:
        if made["stage"] == 2 and made["code"] != "authorization_missing" and not made["name"].startswith("presigned-"):
            value = [v for n, v in made["request"]["headers"] if n == "Authorization"][0]
            unit("authorization.json", "refused-" + made["name"], made["why"], value=value, code=made["code"])
    for name, value in (("nul", "\0"), ("kelvin-scheme", "HMAC\u212a x"), ("dotless-i", "bas\u0131c x"),
            ("fullwidth", plain.replace("HMAC", "\uff28MAC")), ("line-separator", plain.replace(",", "\u2028,"))):
        unit("authorization.json", "refused-text-" + name, "Characters beyond a token do not make a scheme or a value.", value=value, code="authorization_malformed")

    for name, why, value, seconds in (
            ("worked", "The date of the worked example.", DATE, BASE),
            ("rfc-9110", "The example of RFC 9110.", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
            ("epoch", "The beginning of Unix time.", "Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("before-epoch", "One second before.", "Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("31-bits", "The last second of 31 bits.", "Tue, 19 Jan 2038 03:14:07 GMT", 2147483647),
            ("32-bits", "One second later.", "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648),
            ("billion", "The billionth second.", "Sun, 09 Sep 2001 01:46:40 GMT", 1000000000),
            ("year-9999", "The last second of the form.", "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799),
            ("year-0001", "The first second of year 1.", "Mon, 01 Jan 0001 00:00:00 GMT", -62135596800),
            ("year-0000", "Year 0 is a year, and a leap year.", "Sat, 01 Jan 0000 00:00:00 GMT", -62167219200),
            ("year-0000-leap", "Year 0 has a 29 February.", "Tue, 29 Feb 0000 00:00:00 GMT", -62167219200 + 59 * 86400)):
        unit("dates.json", name, why, input=value, unix=seconds)
    for year, month, day in ((2020, 2, 29), (2000, 2, 29), (2024, 12, 31), (2019, 2, 28), (1900, 2, 28), (1900, 3, 1),
            (2100, 3, 1), (1600, 2, 29), (99, 6, 15), (50, 1, 1), (1752, 9, 8), (2020, 4, 30), (2020, 5, 1), (2020, 6, 1),
            (2020, 7, 31), (2020, 8, 31), (2020, 9, 30), (2020, 10, 31), (2020, 11, 30)):
        at = datetime.datetime(year, month, day, 23, 59, 59)
        seconds = (at - EPOCH).days * 86400 + (at - EPOCH).seconds
        unit("dates.json", "calendar-%04d-%02d-%02d" % (year, month, day), "A real day with its weekday.", input=imf(seconds), unix=seconds)
    for name, value in DATES_REFUSED:
        unit("dates.json", "refused-" + name, "Not an IMF-fixdate to the letter.", input=value, code="date_malformed")
    for name, value in (("line-feed-end", DATE + "\n"), ("nul-end", DATE + "\0"),
            ("arabic-digits", DATE.replace("2020", "\u0662\u0660\u0662\u0660")),
            ("fullwidth", DATE.replace("01", "\uff10\uff11", 1)), ("no-break-space", DATE.replace(" GMT", "\u00a0GMT")),
            ("leading-space", " " + DATE), ("trailing-space", DATE + " "),
            ("all-weekdays-wrong", "Sun, 01 Jan 2020 12:00:30 GMT"), ("year-0000-common", "Tue, 30 Feb 0000 00:00:00 GMT")):
        unit("dates.json", "refused-" + name, "Not an IMF-fixdate to the letter; the unit is the value after outer white space was removed.", input=value, code="date_malformed")

    ok = dict(result="ok")
    unit("digests.json", "rfc-9530-256", "The sha-256 example of RFC 9530.", value="sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:", body='{"hello": "world"}', **ok)
    unit("digests.json", "rfc-9530-512", "The sha-512 example of RFC 9530.", value="sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:", body='{"hello": "world"}', **ok)
    unit("digests.json", "worked", "The digest of the worked example.", value="sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:", body=WORKED["body"], **ok)
    unit("digests.json", "empty-body", "The digest of nothing.", value="sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:", body="", **ok)
    for name, value in (("both", digest(b"abc", "sha-256", "sha-512")),
            ("no-space", digest(b"abc", "sha-256") + "," + digest(b"abc", "sha-512")),
            ("tabs", digest(b"abc") + "\t,\t\t" + digest(b"abc", "sha-512")),
            ("unknown-first", "md5=:AAAA:, " + digest(b"abc")), ("unknown-empty", "x=::, " + digest(b"abc")),
            ("unknown-twice", "x=:AAAA:,x=:BBBB:," + digest(b"abc")),
            ("asterisk-key", "*=:AAAA:, *a_.*-9=:AA==:, " + digest(b"abc")),
            ("similar-names", "sha-2560=:AAAA:, sha-25=:AAAA:, sha-512-256=:AAAA:, " + digest(b"abc"))):
        unit("digests.json", name, "A form that is allowed.", value=value, body="abc", **ok)
    unit("digests.json", "bytes", "A body that is not text.", value=digest(bytes(range(256)), "sha-512"), bodyBase64=b64(bytes(range(256))), **ok)
    for name, value, why in DIGESTS_REFUSED:
        unit("digests.json", "refused-" + name, why, value=value, body="abc", code="digest_malformed")
    for name, value in (("256", digest(b"abd")), ("512", digest(b"abd", "sha-512")),
            ("both-256", digest(b"abd") + ", " + digest(b"abc", "sha-512")),
            ("both-512", digest(b"abc") + ", " + digest(b"abd", "sha-512")), ("zeros", "sha-256=:" + b64(bytes(32)) + ":"),
            ("last-bit", "sha-256=:" + flip(31)(b64(hashlib.sha256(b"abc").digest())) + ":"),
            ("first-bit", "sha-256=:" + flip(0, 0x80)(b64(hashlib.sha256(b"abc").digest())) + ":")):
        unit("digests.json", "mismatch-" + name, "Every one of our algorithms that is there must match.", value=value, body="abc", code="digest_mismatch")

    for name, host, canonical in (
            ("plain", "api.example.com", "api.example.com"), ("upper", "API.Example.COM", "api.example.com"),
            ("port-443", "api.example.com:443", "api.example.com"), ("port-80", "api.example.com:80", "api.example.com"),
            ("port-8080", "api.example.com:8080", "api.example.com:8080"), ("port-0", "a:0", "a:0"),
            ("port-0443", "a:0443", "a:0443"), ("port-00080", "a:00080", "a:00080"), ("port-99999", "a:99999", "a:99999"),
            ("port-4430", "a:4430", "a:4430"), ("port-8", "a:8", "a:8"),
            ("one-letter", "A", "a"), ("digits", "1", "1"), ("ipv4", "192.0.2.1", "192.0.2.1"),
            ("ipv4-443", "192.0.2.1:443", "192.0.2.1"), ("ipv4-odd", "999.1", "999.1"), ("underscore", "_a_", "_a_"),
            ("dashes", "-a-", "-a-"), ("dots", "..", ".."), ("trailing-dot", "a.:443", "a."),
            ("punycode", "XN--caf-DMA.example", "xn--caf-dma.example"),
            ("ipv6", "[2001:DB8::1]", "[2001:db8::1]"), ("ipv6-443", "[::1]:443", "[::1]"), ("ipv6-80", "[::1]:80", "[::1]"),
            ("ipv6-8443", "[::1]:8443", "[::1]:8443"), ("ipv6-any", "[::]", "[::]"),
            ("ipv6-full", "[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]"),
            ("ipv6-zeros", "[0000:0:00:0:0:0:0:0001]", "[0000:0:00:0:0:0:0:0001]"),
            ("ipv6-gap-end", "[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7::]"),
            ("ipv6-gap-start", "[::2:3:4:5:6:7:8]", "[::2:3:4:5:6:7:8]"),
            ("ipv6-ipv4", "[::FFFF:192.0.2.1]:443", "[::ffff:192.0.2.1]"),
            ("ipv6-ipv4-full", "[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]"),
            ("ipv6-ipv4-zero", "[::0.0.0.0]", "[::0.0.0.0]")):
        unit("hosts.json", name, "Lower-cased, one default port dropped, nothing else.", input=host, canonical=canonical)
    for name, host in HOSTS_REFUSED:
        unit("hosts.json", "refused-" + name, "Not a host by the grammar.", input=host, code="host_malformed")
    for name, host in (("8-bit", "ex\u00e4mple"), ("kelvin", "\u212aelvin"), ("dotted-i", "\u0130"),
            ("fullwidth-dot", "a\uff0eb"), ("fullwidth-digits", "a:\uff18\uff10"), ("nul", "a\0"),
            ("line-feed-end", "api.example.com\n"), ("delete", "a\u007f")):
        unit("hosts.json", "refused-text-" + name, "Letters are ASCII. In a whole request such a byte is header_malformed before this.", input=host, code="host_malformed")

    for name, why, raw in (("worked", "The secret of the worked example.", EXAMPLE_SECRET),
            ("zeros", "32 zero bytes are 32 bytes.", bytes(32)), ("ones", "Bytes of all ones.", b"\xff" * 32),
            ("zero-tail", "A final zero byte is kept.", ZERO_TAIL),
            ("33", "33 bytes: no remainder in base64.", seed("s", 33)),
            ("34", "34 bytes: one character of padding left out.", seed("s", 34)), ("64", "64 bytes.", seed("s", 64)),
            ("300", "There is no upper bound.", seed("s", 300)),
            ("dashes", "Dashes and underscores are the alphabet's.", bytes.fromhex("fbeffe") * 11 + b"\xff")):
        unit("secrets.json", name, why, text=csk(raw), hex=raw.hex())
    good_text = csk(EXAMPLE_SECRET)
    for name, why, text in (
            ("31-bytes", "31 bytes are too few.", csk(bytes(31))), ("16-bytes", "16 bytes are too few.", csk(bytes(16))),
            ("empty-body", "Nothing behind the prefix.", "csk_"), ("empty", "Nothing at all.", ""),
            ("blank", "Blanks only.", " " * 47), ("prefix-missing", "The prefix is required.", good_text[4:]),
            ("prefix-upper", "The prefix is in lower case.", "CSK_" + good_text[4:]),
            ("prefix-dash", "The prefix ends in an underscore.", "csk-" + good_text[4:]),
            ("padding", "There is no padding.", good_text + "="),
            ("standard-alphabet-plus", "The alphabet is that of base64url.", "csk_" + "+" + good_text[5:]),
            ("standard-alphabet-slash", "The alphabet is that of base64url.", "csk_" + "/" + good_text[5:]),
            ("trailing-bits", "The unused bits of the last character are zero.", good_text[:-1] + "9"),
            ("leading-space", "No white space before.", " " + good_text),
            ("trailing-space", "No white space behind.", good_text + " "),
            ("trailing-line-feed", "No line break behind, as a file might leave one.", good_text + "\n"),
            ("inner-space", "No white space inside.", good_text[:20] + " " + good_text[20:]),
            ("inner-line-feed", "No line break inside.", good_text[:20] + "\n" + good_text[20:]),
            ("impossible-length", "One character over a multiple of four cannot be.", csk(seed("s", 33)) + "A"),
            ("hex", "Hex is not guessed.", EXAMPLE_SECRET.hex()),
            ("text", "Text is not guessed.", "correct horse battery staple correct horse"),
            ("nul", "A zero byte in the text.", good_text + "\0"),
            ("8-bit", "Letters are ASCII.", good_text[:-1] + "\u00e9"),
            ("fullwidth", "Letters are ASCII, whatever they resemble.", good_text[:-1] + "\uff21"),
            ("quotes", "There are no quotes.", '"' + good_text + '"'),
            ("colon-prefix", "The prefix is csk_.", "csk:" + good_text[4:]),
            ("whsec-prefix", "Other prefixes are not ours.", "whsec_" + good_text[4:])):
        unit("secrets.json", "refused-" + name, why, text=text, result="invalid")
    macs()


RFC_4231 = [
    ("1", b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
     "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"),
    ("2", b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
     "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"),
    ("3", b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
     "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb"),
    ("4", bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
     "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd"),
    ("6", b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First", "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
     "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598"),
    ("7", b"\xaa" * 131, b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
     "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58"),
]
RFC_4231_TRUNCATED = (b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b", "415fad6271580a531d4179bc891d87a6")


def macs():
    def one(name, why, algorithm, mac_key, data, tag, result):
        unit("macs.json", name, why, algorithm=algorithm, keyHex=mac_key.hex(), dataHex=data.hex(), tagHex=tag if isinstance(tag, str) else tag.hex(), result=result)

    for number, mac_key, data, short, long in RFC_4231:
        one("rfc-4231-%s-256" % number, "RFC 4231, test case %s." % number, "HMAC-256", mac_key, data, short, "valid")
        one("rfc-4231-%s-512" % number, "RFC 4231, test case %s." % number, "HMAC-512", mac_key, data, long, "valid")
    mac_key, data, short, long = RFC_4231_TRUNCATED
    assert R.mac("HMAC-256", mac_key, data).hex().startswith(short) and R.mac("HMAC-512", mac_key, data).hex().startswith(long)
    one("rfc-4231-5-256", "RFC 4231, test case 5: right as far as it goes, but a MAC is compared whole.", "HMAC-256", mac_key, data, short, "invalid")
    one("rfc-4231-5-512", "RFC 4231, test case 5: right as far as it goes, but a MAC is compared whole.", "HMAC-512", mac_key, data, long, "invalid")
    for algorithm, other, size in (("HMAC-256", "HMAC-512", 32), ("HMAC-512", "HMAC-256", 64)):
        mac_key, data = seed("mac " + algorithm, size), b"message"
        tag = R.mac(algorithm, mac_key, data)
        label = algorithm[-3:]
        one("plain-" + label, "An ordinary MAC.", algorithm, mac_key, data, tag, "valid")
        one("empty-data-" + label, "A MAC over nothing.", algorithm, mac_key, b"", R.mac(algorithm, mac_key, b""), "valid")
        one("all-bytes-" + label, "A MAC over every byte.", algorithm, mac_key, bytes(range(256)), R.mac(algorithm, mac_key, bytes(range(256))), "valid")
        for length in (55, 56, 63, 64, 65, 111, 112, 127, 128, 129):
            one("data-%d-%s" % (length, label), "Data around the block and padding sizes.", algorithm, mac_key, seed("data", length), R.mac(algorithm, mac_key, seed("data", length)), "valid")
        for length in (32, 63, 64, 65, 127, 128, 129):
            one("key-%d-%s" % (length, label), "Keys around the block sizes.", algorithm, seed("key", length), data, R.mac(algorithm, seed("key", length), data), "valid")
        one("key-zero-tail-" + label, "A zero byte behind a key shorter than the block does not change the MAC.", algorithm, mac_key[:31] + b"\0", data, R.mac(algorithm, mac_key[:31], data), "valid")
        for bit in (0, 1, 7, 8, 31, 33, 63, 64, 71, 77, 80, 96, 97, 103, size * 8 - 8, size * 8 - 7, size * 8 - 2, size * 8 - 1):
            changed = bytearray(tag)
            changed[bit // 8] ^= 1 << bit % 8
            one("flip-bit-%d-%s" % (bit, label), "One bit of the tag is flipped.", algorithm, mac_key, data, bytes(changed), "invalid")
        for name, why, changed in (
                ("flip-all", "Every bit is flipped.", bytes(b ^ 255 for b in tag)),
                ("flip-tops", "The top bit of every byte is flipped.", bytes(b ^ 128 for b in tag)),
                ("first-half-wrong", "Only the second half is right.", bytes(size // 2) + tag[size // 2:]),
                ("second-half-wrong", "Only the first half is right.", tag[:size // 2] + bytes(size // 2)),
                ("zeros", "A tag of zeros.", bytes(size)), ("ones", "A tag of ones.", b"\xff" * size),
                ("empty", "No tag.", b""), ("one-byte", "The first byte alone.", tag[:1]),
                ("truncated-by-one", "The last byte is missing.", tag[:-1]),
                ("truncated-first", "The first byte is missing.", tag[1:]),
                ("truncated-half", "Half the tag.", tag[:size // 2]),
                ("extended-zero", "A zero byte too many.", tag + b"\0"),
                ("extended-front", "A zero byte in front.", b"\0" + tag), ("doubled", "The tag twice.", tag + tag),
                ("reversed", "The tag in reverse.", tag[::-1]),
                ("other-algorithm", "The tag of the other algorithm.", R.mac(other, mac_key, data)),
                ("other-algorithm-cut", "The tag of the other algorithm, cut or filled to the size.", (R.mac(other, mac_key, data) + bytes(32))[:size]),
                ("other-key", "The tag of another key.", R.mac(algorithm, mac_key[::-1], data)),
                ("other-data", "The tag of other data.", R.mac(algorithm, mac_key, data + b"\n")),
                ("plain-hash", "A plain hash of key and data.", R.HASHES[algorithm](mac_key + data).digest()),
                ("hex-text", "The hex text of the tag.", tag.hex().encode()),
                ("base64-text", "The base64 text of the tag.", b64(tag).encode())):
            one(name + "-" + label, why, algorithm, mac_key, data, changed, "invalid")


# ---- presigned URLs ------------------------------------------------------------------------------

INVOICE = "/v1/invoices/7.pdf?download=1"
PRESIGNED_TAG = "arLYe7YbapIBob00bxQ8b_oZ6CB4qDBc5IYGIhI14NI"
NONCE = "4fA9sGdR2l3n0QwErTy8uA"


def basic(seconds):
    return (EPOCH + datetime.timedelta(seconds=seconds)).strftime("%Y%m%dT%H%M%SZ")


def presign(name, method="GET", target=INVOICE, credential="orders-service", date=basic(BASE), expires=3600, nonce=None,
            host="api.example.com", headers=(), secret=None, scheme=None, sign=None, signed=None, text=None, signature=None,
            last=True, body=None, length=AUTO):
    """A presigned URL, opened. `signed` edits the target before it is signed, `sign` overrides what goes into the
    string, `text` edits the whole string, `signature` edits the MAC's base64url; `last` says where it is put."""
    pieces = [("Credential", credential), ("Date", date), ("Expires", expires), ("Nonce", nonce)]
    unsigned = target + "".join("&X-Hmac-%s=%s" % p for p in pieces if p[1] is not None)
    unsigned = unsigned if "?" in target else unsigned.replace("&", "?", 1)
    unsigned = signed(unsigned) if signed else unsigned
    stored = LOADED.get(credential)
    algorithm = scheme or (stored["algorithm"] if stored else "HMAC-256")
    if isinstance(secret, str):
        secret = [s["bytes"] for s in stored["secrets"] if s["id"] == secret][0]
    if secret is None:
        secret = stored["secrets"][0]["bytes"] if stored else bytes(32)
    over = dict({"algorithm": algorithm, "credential": credential, "target": loose_target(unsigned), "host": loose_host(host or "")}, **(sign or {}))
    string = R.presigned_string(over["algorithm"], over["credential"], over["target"], over["host"])
    string = text(string) if text else string
    tag = b64url(R.mac(algorithm, secret, string.encode("latin-1")))
    piece = "X-Hmac-Signature=" + (signature(tag) if signature else tag)
    request = {"method": method, "target": unsigned + "&" + piece if last else unsigned.replace("?", "?" + piece + "&", 1)}
    pairs = ([("Host", host)] if host is not None else []) + list(headers)
    raw = body.encode("utf-8") if isinstance(body, str) else body or b""
    length = str(len(raw)) if length is AUTO and body is not None else None if length is AUTO else length
    request["headers"] = [list(p) for p in pairs + ([("Content-Length", length)] if length is not None else [])]
    if isinstance(body, str):
        request["body"] = body
    return request


FRAME = len(presign("", target="/")["target"])


def url_acc(name, why, **fields):
    verifier = dict({"presigned": True}, **fields.pop("verifier", {}))
    acc("presigned-" + name, why, make=presign, verifier=verifier, **fields)


def url_ref(code, stage, name, why, **fields):
    verifier = dict({"presigned": True}, **fields.pop("verifier", {}))
    ref(code, stage, "presigned-" + name, why, make=presign, verifier=verifier, **fields)


def at(seconds, fraction=""):
    return {"now": imf_rfc3339(seconds).replace("Z", fraction + "Z")}


def imf_rfc3339(seconds):
    return (EPOCH + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def on_target(change):
    return lambda request: request.update(target=change(request["target"]))


def reversed_query(target):
    path, _, query = target.partition("?")
    return path + "?" + "&".join(reversed(query.split("&")))


def accepted_presigned():
    url_acc("worked-example", "The worked example of the protocol.", host="API.example.com:443", secret_id="2020-01",
            canon="/v1/invoices/7.pdf?X-Hmac-Credential=orders-service&X-Hmac-Date=20200101T120030Z&X-Hmac-Expires=3600"
                  "&X-Hmac-Signature=%s&download=1" % PRESIGNED_TAG)
    url_acc("head", "A HEAD is verified as the GET it stands for.", method="HEAD")
    url_acc("no-other-query", "A URL without a query of its own.", target="/v1/invoices/7.pdf")
    url_acc("root", "The root, presigned.", target="/")
    url_acc("empty-query", "A question mark with nothing behind it: the first piece is empty and is kept.", target="/a?")
    url_acc("reversed", "The parameters may stand in any order.", tamper=on_target(reversed_query))
    url_acc("signature-first", "The signature may stand in front of what it signs.", last=False)
    url_acc("encoded-tilde", "Another spelling of an unreserved character in the path changes nothing.", target="/~alice/a?b=%7e",
            tamper=on_target(lambda t: t.replace("/~", "/%7E").replace("%7e", "~")))
    url_acc("hex-case", "Hex of either case signs alike.", target="/caf%c3%a9?q=%C3%A9", tamper=on_target(lambda t: t.replace("%c3%a9", "%C3%a9")))
    url_acc("stable-order", "Other parameters of one name keep their order; names sort by byte, so these stand among them.",
            target="/s?tag=b&limit=10&tag=a&X-A=1&X-Z=2&&A=0")
    url_acc("empty-pieces", "Empty pieces of the query are kept.", target="/s?a=1&&b=2", tamper=on_target(lambda t: t.replace("a=1&&b=2", "&b=2&a=1")))
    url_acc("nonce", "A nonce makes it single-use; this is the first use.", nonce=NONCE)
    url_acc("nonce-16", "The shortest nonce.", nonce="A" * 16)
    url_acc("nonce-128", "The longest nonce.", nonce="-_" * 64)
    url_acc("nonce-of-another", "The nonce was claimed by another credential.", nonce=NONCE, claimed=[["orders-twin", NONCE]])
    url_acc("nonce-other-claimed", "Another nonce of the credential was claimed.", nonce=NONCE, claimed=[["orders-service", NONCE.lower()]])
    url_acc("no-nonce-claims-nothing", "Without a nonce there is nothing to be replayed.", claimed=[["orders-service", NONCE], ["orders-service", PRESIGNED_TAG]])
    url_acc("512", "HMAC-512 has a signature of 86 characters; its string begins with HMAC-512-URL.", credential="orders-512")
    url_acc("512-head", "A HEAD with HMAC-512.", credential="billing-service", method="HEAD")
    url_acc("credential-128", "The longest credential.", credential=CRED_128)
    url_acc("credential-1", "The shortest credential.", credential="a")
    url_acc("credential-dots", "Every kind of character a credential may have.", credential="A.b_c-9", secret_id="all")
    for secret in ("old", "current", "next"):
        url_acc("rotating-" + secret, "Each secret that is live now is tried.", credential="rotating-service", secret=secret, secret_id=secret)
    url_acc("no-id", "A secret without an id.", credential="no-id", secret_id=None)
    url_acc("last-second", "The second date + expires is still good.", verifier=at(BASE + 3600))
    url_acc("last-second-cut", "The clock is cut to whole seconds.", verifier=at(BASE + 3600, ".999"))
    url_acc("old-beyond-skew", "A URL may be older than the skew.", verifier=at(BASE + 301))
    url_acc("expires-1", "A second is the shortest time.", expires=1, verifier=at(BASE + 1))
    url_acc("expires-604800", "A week is the longest time.", expires=604800, verifier=at(BASE + 604800))
    url_acc("expires-below-skew", "The skew does not lengthen the time a URL is good for, nor shorten it.", expires=10, verifier=at(BASE + 10))
    url_acc("signer-ahead", "A signer's clock may be ahead by the skew.", date=basic(BASE + 300))
    url_acc("signer-ahead-skew-1", "The skew is the verifier's.", date=basic(BASE + 1), verifier={"skew": 1})
    url_acc("leap-day", "The last day of February in a leap year is real.", date="20200229T235959Z", verifier={"now": "2020-03-01T00:00:00Z"})
    url_acc("year-boundary", "The time may span a new year.", date="20191231T235959Z", verifier={"now": "2020-01-01T00:00:10Z"})
    url_acc("host-port", "A port that is not a default port is kept.", host="api.example.com:8443", verifier={"hosts": ["api.example.com:8443"]})
    url_acc("host-ipv6", "A bracketed IPv6 address is a host.", host="[2001:DB8::1]:80", verifier={"hosts": ["[2001:db8::1]"]})
    url_acc("other-fields", "Fields that a browser sends are not signed and not looked at, its dates neither.",
            headers=[("Accept", "*/*"), ("Cookie", "a=b"), ("Date", "aaaa"), ("X-Date", imf(BASE - 86400)), ("Range", "bytes=0-9")])
    url_acc("target-8192", "A target has 8,192 characters at most, the parameters included.", target="/" + "a" * (8192 - FRAME))
    url_acc("content-type", "A Content-Type without a body says nothing of what the request does.", headers=[("Content-Type", "text/plain")])
    url_acc("content-length-0", "A length of zero declares no body.", length="0")
    url_acc("empty-digest", "A digest that was sent is checked over zero bytes.", headers=[("Content-Digest", digest(b""))])
    url_acc("required-host", "A verifier that requires host to be signed has it.", verifier={"requiredHeaders": ["Host"]})
    url_acc("lower-case-name", "The names are compared with case, so x-hmac-date is a parameter like any other.", target="/?x-hmac-date=1&X-HMAC-EXPIRES=2")
    url_acc("other-name", "Names that only begin alike are ordinary.", target="/?X-Hmac-Dates=1&X-Hmac-=2&X-Hmac-Algorithm=3&X-Hmac-SignedHeaders=4&X-Hmac-Signatures=5")
    url_acc("name-in-value", "What stands in a value or in the path is no parameter.", target="/X-Hmac-Date=1/a?next=X-Hmac-Date=2")
    url_acc("name-double-encoded", "A name is decoded once, and then it is another name.", target="/?X%252DHmac-Date=1")
    url_acc("name-with-encoded-equals", "An encoded equals sign does not end a name.", target="/?X-Hmac-Date%3D=1&X-Hmac-Date%3d1")
    url_acc("name-with-encoded-ampersand", "An encoded ampersand does not end a piece.", target="/?a=1%26X-Hmac-Date=1")
    url_acc("prototype-names", "Names that are special in some languages are ordinary here.", target="/?__proto__=1&constructor=2&toString")

    # what is not presigned
    off = "A verifier that does not take presigned URLs reads their parameters as any others."
    acc("presigned-off-signed-field", off, target="/a?X-Hmac-Date=1&X-Hmac-Date=2&X-Hmac-Signature=")
    acc("presigned-off-all-parameters", off, target=presign("")["target"], method="PUT")
    acc("presigned-on-signed-field", "A verifier that takes presigned URLs takes signed requests as before.", verifier={"presigned": True}, **WORKED)
    acc("presigned-on-other-names", "Names that only look like the five are ordinary beside an Authorization field.", verifier={"presigned": True}, target="/a?x-hmac-date=1&X-Hmac-Nonces=2")


def refused_presigned():
    bad = "authorization_malformed"
    bearer = [("Authorization", "Bearer abc")]
    url_ref("authorization_missing", 2, "off", "A verifier that does not take presigned URLs sees no authorization.", verifier={"presigned": False})
    url_ref("authorization_missing", 2, "off-head", "The same for a HEAD.", method="HEAD", nonce=NONCE, verifier={"presigned": False})
    url_ref("scheme_unsupported", 2, "off-bearer", "Switched off, only the Authorization field counts.", headers=bearer, verifier={"presigned": False})
    ref("authorization_missing", 2, "presigned-on-nothing", "Neither an Authorization field nor any of the parameters.", verifier={"presigned": True}, tamper=drop("authorization"))
    ref("authorization_missing", 2, "presigned-on-lower-case", "None of the parameters to the letter.", verifier={"presigned": True},
        tamper=both(drop("authorization"), on_target(lambda t: presign("")["target"].replace("X-Hmac", "x-hmac"))))
    ref(bad, 2, "presigned-and-authorization", "An Authorization field that holds, and one of the parameters.", verifier={"presigned": True}, target="/a?X-Hmac-Nonce=" + NONCE)
    ref(bad, 2, "presigned-and-authorization-encoded", "Another spelling of a parameter's name is refused beside an Authorization field too.", verifier={"presigned": True}, target="/a?X-Hmac-%44ate=1")
    url_ref(bad, 2, "and-bearer", "A presigned URL and an Authorization field of any scheme.", headers=bearer)
    url_ref(bad, 2, "and-empty-authorization", "An Authorization field that is empty is there.", headers=[("Authorization", "")])
    url_ref("header_duplicated", 1, "and-two-authorizations", "Stage 1 comes first.", headers=bearer + bearer)
    url_ref("headers_too_many", 1, "headers-101", "Stage 1 comes first.", headers=[("x-%d" % i, "1") for i in range(100)])
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "get", "Head", "CONNECT", ""):
        url_ref(bad, 2, "method-" + {"get": "lower-case", "Head": "mixed-case", "": "empty"}.get(method, method.lower()), "A presigned URL is for GET and HEAD, to the letter.", method=method)
    url_ref(bad, 2, "head-nonce", "HEAD is refused where it would use up a single-use URL.", method="HEAD", nonce=NONCE)
    url_ref(bad, 2, "head-empty-nonce", "HEAD is refused with any nonce.", method="HEAD", nonce="")
    for name in R.PRESIGNED:
        label = name[7:].lower()

        def change(edit, label=label):
            return {"tamper": on_target(edit)} if label == "signature" else {"signed": edit}

        if label != "nonce":
            url_ref(bad, 2, "no-" + label, "None of the four may be missing.", nonce=NONCE, **change(lambda t, name=name: re.sub("[?&]" + name + "=[^&]*", "", t)))
        url_ref(bad, 2, label + "-twice", "None of the parameters may be there twice, with the same value neither.", nonce=NONCE,
                **change(lambda t, name=name: t + "&" + re.search(name + "=[^&]*", t).group()))
        url_ref(bad, 2, label + "-twice-encoded", "The second may not hide behind another spelling.", nonce=NONCE,
                **change(lambda t, name=name: t + "&" + re.search(name + "=[^&]*", t).group().replace("X-Hmac", "X%2DHmac")))
        url_ref(bad, 2, label + "-name-encoded", "Whoever reads the query by its letters must find what was verified.", nonce=NONCE,
                tamper=on_target(lambda t, name=name: t.replace(name, "%58" + name[1:])))
        url_ref(bad, 2, label + "-value-encoded", "The values are written literally, too.", nonce=NONCE,
                tamper=on_target(lambda t, name=name: re.sub("(%s=)(.)" % name, lambda m: m.group(1) + "%%%02x" % ord(m.group(2)), t)))
    url_ref(bad, 2, "nonce-alone", "One of the parameters alone makes it a presigned URL, and an incomplete one.", tamper=on_target(lambda t: "/a?X-Hmac-Nonce=" + NONCE))
    url_ref(bad, 2, "signature-alone", "One of the parameters alone makes it a presigned URL, and an incomplete one.", tamper=on_target(lambda t: "/a?X-Hmac-Signature"))
    url_ref(bad, 2, "value-bad-percent", "A percent sign is no literal character, whatever follows.", date="2020%zz01")
    for name, credential in (("empty", ""), ("129", "c" * 129), ("space-plus", "orders+service"), ("slash", "orders/service"), ("8-bit", "ord\u00e9rs"),
                             ("equals", "=orders-service"), ("comma", "orders,service")):
        url_ref(bad, 2, "credential-" + name, "A credential is 1 to 128 of letters, digits, dot, underscore and dash.", credential=credential, secret=EXAMPLE_SECRET)
    for name, expires in (("0", "0"), ("604801", "604801"), ("huge", "9" * 40), ("leading-zero", "03600"), ("negative", "-1"), ("plus", "+3600"),
                          ("fraction", "3600.0"), ("exponent", "1e3"), ("hex", "0x10"), ("empty", ""), ("unit", "3600s"), ("space-plus", "3600+"), ("digit-8-bit", "360\u00b2")):
        url_ref(bad, 2, "expires-" + name, "X-Hmac-Expires is a decimal number from 1 to 604800 without leading zeros.", expires=expires)
    for name, why, change in (
            ("empty", "An empty signature is no signature.", lambda s: ""),
            ("padded", "There is no padding.", lambda s: s + "="),
            ("standard-alphabet", "The alphabet is that of base64url.", lambda s: s[:20] + "+/" + s[22:]),
            ("42", "A shorter MAC is no MAC.", lambda s: s[:-1]), ("44", "A longer one neither.", lambda s: s + "A"),
            ("22", "A truncated MAC is refused even if it matches as far as it goes.", lambda s: s[:22]),
            ("85", "One character short of HMAC-512.", lambda s: "A" * 85), ("87", "One character more than HMAC-512 has.", lambda s: "A" * 87),
            ("trailing-bits", "The unused bits of the last character are zero.", lambda s: s[:-1] + chr(ord(s[-1]) + 1)),
            ("512-trailing-bits", "The unused bits are zero for HMAC-512 too.", lambda s: "A" * 85 + "B"),
            ("hex", "A signature is not hex.", lambda s: bytes(32).hex()),
            ("dot", "No foreign characters that a lenient decoder would skip.", lambda s: s[:20] + "." + s[21:]),
            ("8-bit", "Letters are ASCII.", lambda s: s[:20] + "\u00e9" + s[21:]),
            ("second-equals", "The value begins behind the first equals sign.", lambda s: "=" + s[1:])):
        url_ref(bad, 2, "signature-" + name, why, signature=change)

    held = "What stage 3 finds is held, as for an Authorization field."
    url_ref("credential_unknown", 3, "unknown", held, credential="nobody", secret=EXAMPLE_SECRET)
    url_ref("credential_unknown", 3, "unknown-dummy-zero", "Whatever stands in for the secret of an unknown credential must not verify.", credential="__proto__", secret=bytes(32))
    url_ref("credential_inactive", 3, "disabled", held, credential="disabled-service")
    url_ref("credential_inactive", 3, "expired-secret", "A URL does not outlive the secret it was signed with.", credential="expired-service")
    url_ref("algorithm_mismatch", 3, "512-for-256-key", "The length of the signature says the algorithm, and the key is for the other one.", scheme="HMAC-512")
    url_ref("algorithm_mismatch", 3, "256-for-512-key", "The length of the signature says the algorithm, and the key is for the other one.", credential="orders-512", scheme="HMAC-256")

    url_ref("header_missing", 4, "no-host", "The host is signed, so it must be there.", host=None)
    url_ref("header_missing", 4, "no-host-body", "The host is looked for first.", host=None, body="x")
    url_ref("header_unsigned", 4, "body", "No digest can be signed, so there is no body.", body="x")
    url_ref("header_unsigned", 4, "body-digest", "A digest that nobody signed does not help.", body="x", headers=[("Content-Digest", digest(b"x"))])
    url_ref("header_unsigned", 4, "declared-length", "A body that is declared and does not come is one.", length="1")
    url_ref("header_unsigned", 4, "declared-length-huge", "A length too large for the language is above zero.", length="9" * 40)
    url_ref("header_unsigned", 4, "chunked", "Transfer-Encoding declares a body.", headers=[("Transfer-Encoding", "chunked")])
    url_ref("header_malformed", 4, "gzip-coding", "Framing is looked at first.", headers=[("Transfer-Encoding", "gzip")])
    url_ref("header_malformed", 4, "length-and-coding", "Framing is looked at first.", headers=[("Transfer-Encoding", "chunked")], length="0")
    for name in R.OVERRIDES:
        url_ref("header_unsigned", 4, name, "Whoever holds a URL for reading must not delete with it.", headers=[(name, "DELETE")])
    url_ref("header_unsigned", 4, "override-empty", "A method-override field that is empty is there.", headers=[("X-HTTP-Method-Override", "")])
    url_ref("header_unsigned", 4, "content-encoding", "Nobody signed it.", headers=[("Content-Encoding", "gzip")])
    url_ref("header_unsigned", 4, "x-nonce", "A nonce that nobody signed makes nothing single-use.", headers=[("X-Nonce", NONCE)])
    url_ref("header_unsigned", 4, "unknown-body", "A fault of stage 4 is answered alike for unknown credentials.", credential="nobody", secret=EXAMPLE_SECRET, body="x")
    url_ref("header_missing", 4, "required-absent", "What the verifier requires besides is not there.", verifier={"requiredHeaders": ["X-Tenant"]})
    url_ref("header_unsigned", 4, "required-unsigned", "What the verifier requires besides cannot be signed.", headers=[("X-Tenant", "7")], verifier={"requiredHeaders": ["X-Tenant"]})
    url_ref("header_missing", 4, "required-nonce", "A requirement of x-nonce cannot be met, by X-Hmac-Nonce neither.", nonce=NONCE, verifier={"requiredHeaders": ["x-nonce"]})
    url_ref("header_malformed", 4, "host-8-bit", "A byte outside SP, HTAB, ! to ~ in the host.", host="api.ex\u00e9mple.com")
    url_ref("target_malformed", 4, "dot-segment", "The path is refused, not repaired.", target="/v1/../invoices")
    url_ref("target_malformed", 4, "encoded-dot-segment", "A path that would have a dot segment.", target="/v1/%2e%2e/invoices")
    url_ref("target_malformed", 4, "hash", "A fragment is not sent.", target="/v1/a?b=1#c")
    url_ref("target_malformed", 4, "bad-percent", "Every percent sign begins a valid %XY.", target="/v1/a?b=%2")
    url_ref("target_malformed", 4, "absolute-form", "A target is in origin-form.", target="https://api.example.com/v1/a")
    url_ref("target_too_long", 4, "target-8193", "A target has 8,192 characters at most, the parameters included.", target="/" + "a" * (8192 - FRAME + 1))
    url_ref("host_malformed", 4, "host-malformed", "The host has no form.", host="api.example.com/x")
    url_ref("host_not_allowed", 4, "other-host", "A host that is not served, although signed.", host="www.example.com")

    wrong = "signature_mismatch"
    for name, why, change in (
            ("other-path", "The path is signed.", lambda t: t.replace("7.pdf", "8.pdf")),
            ("other-parameter", "The other parameters are signed.", lambda t: t.replace("download=1", "download=2")),
            ("parameter-added", "A parameter that was added is not.", lambda t: t + "&admin=1"),
            ("parameter-removed", "A parameter that was removed was.", lambda t: t.replace("download=1&", "")),
            ("empty-piece-added", "An empty piece is a piece.", lambda t: t + "&"),
            ("other-credential", "The credential is signed: a twin with the same secret does not get it.", lambda t: t.replace("orders-service", "orders-twin")),
            ("later-date", "The date is signed.", lambda t: t.replace("120030Z", "120031Z")),
            ("malformed-date", "The signature comes before the form of the date.", lambda t: t.replace("120030Z", "120030")),
            ("longer-expires", "The time is signed.", lambda t: t.replace("Expires=3600", "Expires=604800")),
            ("nonce-removed", "The nonce is signed, so it cannot be taken away.", lambda t: re.sub("&X-Hmac-Nonce=[^&]*", "", t)),
            ("nonce-changed", "The nonce is signed, so it cannot be renewed.", lambda t: t.replace(NONCE, NONCE.lower())),
            ("longer-signature-name-added", "A name that begins with that of the signature is another name.", lambda t: t + "&X-Hmac-Signature2=1"),
            ("similar-signature-added", "Only the signature itself is left out of the string.", lambda t: t + "&x-hmac-signature=1"),
            ("signature-last-character", "Another signature, in its last character.", lambda t: t[:-1] + ("A" if t[-1] != "A" else "E")),
            ("signature-zeros", "A signature of zeros.", lambda t: re.sub("Signature=.*", "Signature=" + "A" * 43, t))):
        url_ref(wrong, 5, name, why, nonce=NONCE, tamper=on_target(change))
    url_ref(wrong, 5, "nonce-added", "A nonce that was added is not signed.", tamper=on_target(lambda t: t + "&X-Hmac-Nonce=" + NONCE))
    url_ref(wrong, 5, "other-served-host", "The host is signed: a URL for one is not good for another.", tamper=put("host", "www.example.com"), verifier={"hosts": ["api.example.com", "www.example.com"]})
    url_ref(wrong, 5, "other-secret", "Another secret.", secret=seed("other", 32))
    url_ref(wrong, 5, "retired-secret", "A secret whose time is over.", credential="rotating-service", secret="gone")
    url_ref(wrong, 5, "as-head", "A HEAD is signed as GET, so nobody signs HEAD.", method="HEAD", text=lambda s: s.replace("\nGET\n", "\nHEAD\n"))
    url_ref(wrong, 5, "without-suffix", "A signature of section 1 is not one of section 4: the first line says which.", text=lambda s: s.replace("-URL", "", 1))
    url_ref(wrong, 5, "suffix-lower", "The first line to the letter.", text=lambda s: s.replace("-URL", "-url", 1))
    url_ref(wrong, 5, "no-last-line-feed", "The last line ends in LF too.", text=lambda s: s[:-1])
    url_ref(wrong, 5, "unsorted", "The canonical target is signed, not the target as sent.", target="/?b=1&a=2", sign={"target": presign("", target="/?b=1&a=2")["target"]})
    url_ref(wrong, 5, "empty-signature-signed", "The signature is left out of the target, not emptied.", text=lambda s: s.replace("&download", "&X-Hmac-Signature=&download"))
    url_ref(wrong, 5, "host-with-port", "The canonical host is signed.", host="api.example.com:443", sign={"host": "api.example.com:443"})

    for name, date in (("imf", "Wed,+01+Jan+2020+12:00:30+GMT"), ("extended", "2020-01-01T12:00:30Z"), ("no-zone", "20200101T120030"), ("lower", "20200101t120030z"),
                       ("offset", "20200101T120030+0000"), ("fraction", "20200101T120030.0Z"), ("unix", "1577880030"), ("empty", ""), ("february-30", "20200230T120030Z"),
                       ("february-29", "20190229T120030Z"), ("month-13", "20191301T120030Z"), ("month-0", "20200001T120030Z"), ("day-0", "20200100T120030Z"),
                       ("hour-24", "20191231T240000Z"), ("minute-60", "20200101T116030Z"), ("second-60", "20200101T115960Z"), ("no-seconds", "20200101T1200Z"),
                       ("short-year", "0200101T120030Z"), ("five-digit-year", "020200101T120030Z"), ("second-equals", "=0200101T120030Z")):
        url_ref("date_malformed", 6, "date-" + name, "X-Hmac-Date is YYYYMMDDTHHMMSSZ of a real date.", date=date)
    url_ref("date_malformed", 6, "date-without-equals", "A parameter without an equals sign has an empty value.", signed=lambda t: re.sub("(X-Hmac-Date)=[^&]*", r"\1", t))
    url_ref("date_expired", 6, "expired", "One second after date + expires.", verifier=at(BASE + 3601))
    url_ref("date_expired", 6, "expired-no-skew", "The skew is not added at the end.", expires=1, verifier=at(BASE + 2))
    url_ref("date_expired", 6, "expired-week", "One second after a week.", expires=604800, verifier=at(BASE + 604801))
    url_ref("date_expired", 6, "expired-year-0", "A date of the year 0.", date="00000101T000000Z", expires=604800)
    url_ref("date_in_future", 6, "in-future", "One second more than the skew ahead.", date=basic(BASE + 301))
    url_ref("date_in_future", 6, "in-future-cut", "The clock is cut, not rounded.", date=basic(BASE + 301), verifier=at(BASE, ".999"))
    url_ref("date_in_future", 6, "in-future-year-9999", "A date of the year 9999.", date="99991231T235959Z", expires=604800)
    for name, nonce in (("15", "A" * 15), ("129", "A" * 129), ("empty", ""), ("dot", "AAAAAAAAAAAAAAAA."), ("plus", "AAAAAAAAAAAAAAAA+"), ("padded", "4fA9sGdR2l3n0QwErTy8uA=="), ("second-equals", "=" + NONCE)):
        url_ref("nonce_malformed", 6, "nonce-" + name, "X-Hmac-Nonce has the form of x-nonce.", nonce=nonce)
    url_ref("nonce_malformed", 6, "nonce-without-equals", "A parameter without an equals sign has an empty value.", signed=lambda t: t + "&X-Hmac-Nonce")
    url_ref("date_malformed", 6, "date-before-nonce", "The date is looked at before the nonce.", date="x", nonce="x")

    url_ref("digest_mismatch", 8, "digest-mismatch", "A digest that was sent is checked over zero bytes.", headers=[("Content-Digest", digest(b"x"))])
    url_ref("digest_malformed", 8, "digest-malformed", "A digest that was sent must have its form.", headers=[("Content-Digest", "sha-256=x")])
    url_ref("digest_missing", 8, "undeclared-body", "A body that no field declared.", body="x", length=None)
    url_ref("digest_missing", 8, "undeclared-body-digest", "A digest that nobody signed does not help there either.", body="x", length=None, headers=[("Content-Digest", digest(b"x"))])
    url_ref("body_incomplete", 8, "length-0-body", "More bytes than Content-Length says.", body="x", length="0")
    url_ref("body_too_large", 8, "undeclared-body-large", "The limit comes first.", body="xx", length=None, verifier={"maxBodyBytes": 1})

    url_ref("nonce_replayed", 9, "nonce-replayed", "A single-use URL, used before.", nonce=NONCE, claimed=[["orders-service", NONCE]])
    url_ref("nonce_replayed", 9, "nonce-of-a-request", "Signed requests and presigned URLs share one space of nonces.", nonce=NONCE, date=basic(BASE - 3000), claimed=[["orders-service", NONCE]])


# ---- responses -----------------------------------------------------------------------------------

RESPONSE_TAG = "1JixW8Lltu8jFMpsOj3DQxfM6wYFVeHYvOvokE9Rcw0="
RESPONSE_DATE = imf(BASE + 1)
ANSWERED, ANSWER_REFUSED = [], []


def respond(body=None, headers=(), date=RESPONSE_DATE, status=200, credential="orders-service", secret_id=AUTO, request_signature=WORKED_TAG,
            digest_value=AUTO, also=(), names=AUTO, sign=None, values=None, text=None):
    """A signed response: (vector without name and reason, names, string to sign, signature as base64)."""
    raw = body.encode("utf-8") if isinstance(body, str) else (body or b"")
    digest_value = (digest(raw) if raw else None) if digest_value is AUTO else digest_value
    pairs = [("Date", date)] + list(headers) + [("Content-Digest", digest_value)]
    pairs = [list(p) for p in pairs if p[1] is not None]
    fields = {}
    for field, value in pairs:
        fields.setdefault(R.ascii_lower(field), R.trim(value))
    key = LOADED[credential]
    secret = [s for s in key["secrets"] if secret_id is AUTO or s["id"] == secret_id][0]
    names = R.response_names(fields, raw, also) if names is AUTO else names
    over = dict({"algorithm": key["algorithm"], "credential": credential, "request": request_signature, "status": status}, **(sign or {}))
    string = R.response_string(over["algorithm"], over["credential"], over["request"], over["status"],
                               [(n, (values or {}).get(n, fields.get(n, ""))) for n in names])
    string = text(string) if text else string
    made = {"credential": credential, "secretId": secret["id"], "requestSignature": request_signature, "status": status, "headers": pairs}
    if isinstance(body, str):
        made["body"] = body
    elif body is not None:
        made["bodyBase64"] = b64(body)
    return made, names, string, b64(R.mac(key["algorithm"], secret["bytes"], string.encode("latin-1")))


def ans(name, why, sent=None, also=(), **fields):
    """A response that is accepted; `sent` edits the field within what the grammar leaves free."""
    made, names, string, tag = respond(also=also, **fields)
    made = dict({"name": name, "why": why}, **made)
    if also:
        made["also"] = list(also)
    made.update(signedHeaders=names, stringToSign=string, authenticationInfo=R.compose_authentication_info(names, tag))
    if sent:
        made["sent"] = sent(made["authenticationInfo"])
    wrong = R.check_response_accepted(made, LOADED)
    if wrong:
        PROBLEMS.append("response %s: %s" % (name, wrong))
    ANSWERED.append(made)


def ans_ref(reason, name, why, info=None, tamper=None, **fields):
    """A response that a client refuses; `info` edits the field, or takes it away by giving None."""
    made, names, string, tag = respond(**fields)
    field = R.compose_authentication_info(names, tag)
    field = info(field) if info else field
    if field is not None:
        made["headers"].append(["Authentication-Info", field])
    if tamper:
        tamper(made)
    made = dict({"name": name, "why": why}, **made)
    got, text = R.check_response(made, LOADED)
    if got != reason:
        PROBLEMS.append("response %s: meant %s, got %s" % (name, reason, got))
    made["refused"] = reason
    if text is not None:
        made["stringToSign"] = text
    ANSWER_REFUSED.append(made)


CREATED = dict(status=201, headers=JSON_TYPE, body='{"id":7}')


def created(**changes):
    return dict(CREATED, **changes)


def responses():
    ans("worked-example", "The worked example of the protocol.", **CREATED)
    ans("no-body", "Without a body there is no digest.", status=204)
    ans("head", "The answer to a HEAD has fields that say what a body would be, and none.", headers=JSON_TYPE + [("Content-Length", "8")])
    ans("not-modified", "Any status is signed.", status=304, headers=[("ETag", '"7"')])
    ans("content-encoding", "Content-Encoding is signed where it is; the digest is over the bytes on the wire.", headers=[("Content-Type", "text/plain"), ("Content-Encoding", "gzip")], body=seed("gzip", 20))
    ans("content-encoding-no-body", "Content-Encoding is signed without a body, too.", headers=[("Content-Encoding", "br")])
    ans("body-without-type", "A body whose type is not said.", body="x")
    ans("binary-body", "Every byte may be in a body.", body=bytes(range(256)))
    ans("utf-8-body", "Text stands for its UTF-8 bytes.", body="caf\u00e9", headers=[("Content-Type", "text/plain; charset=utf-8")])
    ans("refusal-signed", "A refusal of stage 6 or later is signed, so that its Date may be trusted.", status=401, headers=[("Content-Type", "application/problem+json")],
        body='{"code":"date_expired"}', date=imf(BASE + 4000))
    ans("server-error", "An error of the server is signed, too.", status=503, headers=[("Retry-After", "1")])
    ans("512", "HMAC-512 signs its responses with HMAC-512.", credential="orders-512", request_signature=b64(seed("request 512", 64)), headers=JSON_TYPE, body="{}")
    ans("512-no-body", "HMAC-512 without a body.", credential="billing-service", request_signature=b64(seed("request 512", 64)), status=204)
    for secret in ("old", "current"):
        ans("rotating-" + secret, "The secret is the one that the request was verified with.", credential="rotating-service", secret_id=secret, body="x")
    ans("secret-without-id", "A secret without an id.", credential="no-id", secret_id=None)
    ans("credential-128", "The longest credential.", credential=CRED_128, body="x")
    ans("to-presigned", "The signature of a presigned URL stands in the string in standard base64 with padding.", request_signature=b64(base64.urlsafe_b64decode(PRESIGNED_TAG + "=")),
        headers=[("Content-Type", "application/pdf")], body="%PDF-")
    ans("more-signed", "A server may sign more than it must.", also=("etag", "location"), **created(headers=JSON_TYPE + [("Location", "/v1/orders/7"), ("ETag", '"7"')]))
    ans("empty-value", "An empty value signs as the name, a colon and a space.", also=("x-empty",), headers=[("X-Empty", "")])
    ans("white-space", "White space around a value is removed.", headers=[("Content-Type", " \tapplication/json\t ")], body="{}")
    ans("values-kept", "What is inside a value is kept byte for byte.", headers=[("Content-Type", 'multipart/mixed;  boundary="A  b"')])
    ans("names-in-any-case", "The case of names does not matter.", headers=[("CONTENT-TYPE", "text/plain")], body="x")
    ans("empty-digest", "A digest of nothing is checked, and need not be signed.", digest_value=digest(b""))
    ans("two-digests", "Every digest that counts must match.", body="x", digest_value=digest(b"x", "sha-512", "sha-256"))
    ans("unsigned-twice", "A field that is not signed may be there twice.", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    ans("space-after-comma", "One space after the comma is allowed.", sent=lambda v: v.replace(",", ", "), **CREATED)
    ans("space-around", "White space around the field is removed.", sent=lambda v: " \t" + v + " ", **CREATED)

    wrong = "signature_mismatch"
    ans_ref("digest_mismatch", "body-altered", "The body is not the one that was signed.", tamper=line(body='{"id":8}'), **CREATED)
    ans_ref("digest_mismatch", "body-longer", "A byte more than was signed.", tamper=line(body='{"id":7}\n'), **CREATED)
    ans_ref("digest_mismatch", "body-lost", "The body was signed and did not come.", tamper=line(body=""), **CREATED)
    ans_ref("digest_mismatch", "digest-of-nothing", "A digest is checked over zero bytes, signed or not.", digest_value=digest(b"x"))
    ans_ref("digest_mismatch", "one-of-two-digests", "Every digest that counts must match.", body="x", digest_value=digest(b"x") + ", " + digest(b"y", "sha-512"))
    ans_ref("digest_malformed", "digest-malformed", "A digest that nobody can check.", body="x", digest_value="md5=:AAAA:")
    ans_ref("digest_missing", "digest-absent", "A body without a digest.", body="x", digest_value=None, names=["date"])
    ans_ref("digest_missing", "body-added", "A body that was added to an answer without one.", tamper=line(body="x"))
    ans_ref("digest_missing", "digest-removed", "The digest was taken away.", tamper=drop("content-digest"), **CREATED)
    ans_ref("header_unsigned", "digest-unsigned", "A digest that is not signed proves nothing.", names=["content-type", "date"], **CREATED)
    ans_ref("header_unsigned", "type-unsigned", "What says what the body is must be signed.", names=["content-digest", "date"], **CREATED)
    ans_ref("header_unsigned", "type-added", "A type that was added.", tamper=more(("Content-Type", "text/html")), body="x")
    ans_ref("header_unsigned", "encoding-added", "A coding that was added.", tamper=more(("Content-Encoding", "gzip")), **CREATED)
    ans_ref("header_unsigned", "date-unsigned", "The date is always signed.", names=["content-digest", "content-type"], **CREATED)
    ans_ref("header_missing", "date-absent", "The date is always there.", date=None, names=["content-digest", "content-type"], **CREATED)
    ans_ref("header_missing", "date-removed", "The date was taken away.", tamper=drop("date"), **CREATED)
    ans_ref("header_missing", "type-removed", "A signed field was taken away.", tamper=drop("content-type"), **CREATED)
    ans_ref("header_missing", "listed-absent", "A name is listed that is not there.", names=["content-digest", "content-type", "date", "etag"], **CREATED)
    ans_ref(wrong, "type-altered", "A signed field was altered.", tamper=put("content-type", "text/html"), **CREATED)
    ans_ref(wrong, "date-altered", "The date was altered, to shift the client's clock.", tamper=put("date", imf(BASE + 4000)), **CREATED)
    ans_ref(wrong, "digest-altered", "Body and digest were altered together.", tamper=both(line(body='{"id":8}'), put("content-digest", digest(b'{"id":8}'))), **CREATED)
    ans_ref(wrong, "status-altered", "The status was altered.", tamper=line(status=200), **CREATED)
    ans_ref(wrong, "refusal-turned", "A refusal was turned into a success.", tamper=line(status=200), status=401)
    ans_ref(wrong, "other-request", "The answer to another request.", tamper=line(requestSignature=GET_TAG), **CREATED)
    ans_ref(wrong, "request-signature-url-safe", "The request's signature is in standard base64 with padding.", sign={"request": WORKED_TAG.replace("+", "-").rstrip("=")}, **CREATED)
    ans_ref(wrong, "other-credential", "The answer to a twin with the same secret.", tamper=line(credential="orders-twin", secretId="same"), **CREATED)
    ans_ref(wrong, "other-secret", "Signed with another secret of the key.", credential="rotating-service", secret_id="old", tamper=line(secretId="current"))
    ans_ref(wrong, "other-length", "The signature has the length of the other algorithm.", info=lambda v: re.sub("Signature=.*", "Signature=" + b64(bytes(64)), v), **CREATED)
    ans_ref(wrong, "without-suffix", "The first line ends in -RESPONSE: a request's signature is never a response's.", text=lambda s: s.replace("-RESPONSE", "", 1), **CREATED)
    ans_ref(wrong, "no-last-line-feed", "The last line ends in LF too.", text=lambda s: s[:-1], **CREATED)
    ans_ref(wrong, "status-phrase", "The status is its number alone.", sign={"status": "201 Created"}, **CREATED)
    ans_ref(wrong, "zeros", "A signature of zeros.", info=lambda v: re.sub("Signature=.*", "Signature=" + b64(bytes(32)), v), **CREATED)
    ans_ref(wrong, "one-bit", "One bit of the signature is flipped.", info=lambda v: re.sub("Signature=(.*)", lambda m: "Signature=" + flip(31)(m.group(1)), v), **CREATED)
    ans_ref(wrong, "list-longer", "The lines follow from the list, so another list gives another text.", info=lambda v: v.replace("date", "date;etag"), **created(headers=JSON_TYPE + [("ETag", '"7"')]))
    ans_ref("header_duplicated", "date-twice", "The date may be there once.", tamper=more(("Date", RESPONSE_DATE)), **CREATED)
    ans_ref("header_duplicated", "type-twice", "The type may be there once.", tamper=more(("Content-Type", "text/html")), **CREATED)
    ans_ref("header_duplicated", "date-twice-unsigned", "What is there twice is found before what is not signed.", tamper=more(("Date", RESPONSE_DATE)), names=["content-digest", "content-type"], **CREATED)
    ans_ref("header_duplicated", "type-twice-unsigned", "What is there twice is found before what is not signed.", tamper=more(("Content-Type", "text/html")), names=["content-digest", "date"], **CREATED)
    ans_ref("header_duplicated", "signed-twice", "A signed field may be there once.", names=["date", "etag"], headers=[("ETag", '"7"'), ("ETag", '"8"')])
    ans_ref("header_duplicated", "info-twice", "Authentication-Info may be there once.", tamper=more(("Authentication-Info", "SignedHeaders=date,Signature=x")), **CREATED)
    ans_ref("header_malformed", "value-8-bit", "A signed value is ASCII.", headers=[("Content-Type", "text/caf\u00e9")])
    ans_ref("header_malformed", "value-nul", "A signed value has no controls.", headers=[("Content-Type", "text/plain\0")])
    ans_ref("date_malformed", "date-malformed", "A date that is signed and is none.", date="2020-01-01T12:00:31Z")
    ans_ref("date_malformed", "date-wrong-weekday", "The weekday must be right.", date=RESPONSE_DATE.replace("Wed", "Thu"))
    ans_ref("info_missing", "info-missing", "An answer without a signature.", info=lambda v: None, **CREATED)
    for name, why, change in (
            ("empty", "The field is empty.", lambda v: ""),
            ("no-names", "No parameter may be missing.", lambda v: v[v.index("Signature="):]),
            ("no-signature", "No parameter may be missing.", lambda v: v[:v.index(",Sig")]),
            ("empty-signature", "An empty signature is no signature.", lambda v: re.sub("Signature=.*", "Signature=", v)),
            ("other-order", "The order is fixed.", lambda v: re.sub("(.*),(Sig.*)", r"\2,\1", v)),
            ("scheme", "There is no scheme in front.", lambda v: "HMAC-256 " + v),
            ("credential", "There are no other parameters.", lambda v: "Credential=orders-service," + v),
            ("trailing", "Nothing follows the signature.", lambda v: v + ",x=1"),
            ("quoted", "There are no quotes.", lambda v: re.sub("Signature=(.*)", r'Signature="\1"', v)),
            ("two-spaces", "At most one space follows the comma.", lambda v: v.replace(",", ",  ")),
            ("lower-parameter", "Parameter names are case-sensitive.", lambda v: v.replace("Signature", "signature")),
            ("upper-name", "Names are in lower case.", lambda v: v.replace("date", "Date")),
            ("empty-list", "The list is not empty.", lambda v: re.sub("SignedHeaders=[^,]*", "SignedHeaders=", v)),
            ("unsorted", "The list is sorted.", lambda v: v.replace("content-digest;content-type;date", "date;content-digest;content-type")),
            ("name-twice", "No name is listed twice.", lambda v: v.replace("date", "date;date")),
            ("unpadded", "Padding is required.", lambda v: v.rstrip("=")),
            ("url-safe", "The alphabet is the standard one.", lambda v: v[:-10] + "-_" + v[-8:]),
            ("trailing-bits", "The unused bits are zero.", lambda v: v[:-2] + chr(ord(v[-2]) + 1) + "="),
            ("31-bytes", "A shorter MAC is no MAC.", lambda v: re.sub("Signature=.*", "Signature=" + b64(bytes(31)), v)),
            ("88-trailing-bits", "The unused bits are zero for HMAC-512 too.", lambda v: re.sub("Signature=.*", "Signature=" + "A" * 85 + "B==", v)),
            ("too-long", "At most 4,096 characters.", lambda v: v.replace("date", "date;" + "x" * 4096))):
        ans_ref("info_malformed", "info-" + name, why, info=change, **CREATED)
    for name in ("authentication-info", "authorization", "host", "transfer-encoding"):
        names = sorted(["content-digest", "content-type", "date", name])
        ans_ref("info_malformed", "info-names-" + name, "This field may not be signed in a response.", names=names, **created(headers=JSON_TYPE + ([(name, "x")] if name != "authentication-info" else [])))
    many = ["x-%02d" % i for i in range(32)]
    ans_ref("info_malformed", "info-33-names", "At most 32 names are signed.", names=["date"] + many, headers=[(n, "v") for n in many])


# ---- writing -------------------------------------------------------------------------------------

def dump(value, indent=0):
    """JSON in ASCII: what is short stays on one line."""
    flat = json.dumps(value, ensure_ascii=True)
    holds = isinstance(value, (dict, list)) and any(isinstance(v, (dict, list)) for v in (value.values() if isinstance(value, dict) else value))
    if not isinstance(value, (dict, list)) or not value or (not holds and (isinstance(value, list) or len(flat) <= 76)) or (holds and len(flat) <= 60):
        return flat
    pad, end = "  " * (indent + 1), "  " * indent
    if isinstance(value, dict):
        return "{\n" + ",\n".join(pad + json.dumps(k) + ": " + dump(v, indent + 1) for k, v in value.items()) + "\n" + end + "}"
    return "[\n" + ",\n".join(pad + dump(v, indent + 1) for v in value) + "\n" + end + "]"


def anchors():
    """What the protocol text and third parties state, against what was computed."""
    by_name = {v["name"]: v for v in ACCEPTED}
    assert by_name["worked-example"]["signature"] == WORKED_TAG
    assert by_name["worked-example"]["stringToSign"] == (
        "HMAC-256\norders-service\nPOST\n/v1/orders/~alice?limit=10&note=caf%C3%A9&tag=b&tag=a\n"
        "content-digest: sha-256=:08ld4tZtuaBCYDY318ddzbgQxPSl5VMNRQ/9NEsCJjY=:\ncontent-type: application/json\n"
        "date: Wed, 01 Jan 2020 12:00:30 GMT\nhost: api.example.com\nx-nonce: 4fA9sGdR2l3n0QwErTy8uA\n")
    assert by_name["plain-get"]["signature"] == GET_TAG
    assert csk(EXAMPLE_SECRET) == "csk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert by_name["presigned-worked-example"]["signature"] == PRESIGNED_TAG
    answers = {v["name"]: v for v in ANSWERED}
    assert answers["worked-example"]["authenticationInfo"] == "SignedHeaders=content-digest;content-type;date,Signature=" + RESPONSE_TAG
    assert len(set(v["name"] for v in ANSWERED + ANSWER_REFUSED)) == len(ANSWERED + ANSWER_REFUSED)
    assert len(ACCEPTED) >= 80 and len(REFUSED) >= 200 and len(REFUSED) > len(ACCEPTED)
    names = [v["name"] for v in ACCEPTED + REFUSED]
    assert len(set(names)) == len(names), sorted({n for n in names if names.count(n) > 1})
    assert all(re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", n) for n in names), [n for n in names if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", n)]


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    accepted()
    accepted_presigned()
    responses()
    for part in (refused_stage_1, refused_stage_2, refused_stage_3, refused_stage_4, refused_stage_5, refused_stage_6, refused_stage_8, refused_stage_9, refused_presigned):
        part()
    REFUSED.sort(key=lambda v: v["stage"])
    units()
    if PROBLEMS:
        print("\n".join(PROBLEMS))
        return 1
    anchors()
    files = {"keys.json": KEYS}
    for name, vectors in (("accepted.json", ACCEPTED), ("refused.json", REFUSED)):
        files[name] = {"protocol": R.PROTOCOL, "defaults": R.DEFAULTS, "vectors": vectors}
    files["responses.json"] = {"protocol": R.PROTOCOL, "accepted": ANSWERED, "refused": ANSWER_REFUSED}
    for name, made in UNITS.items():
        files[name] = {"protocol": R.PROTOCOL, "units": made}
    differ = []
    for name, document in files.items():
        path, text = os.path.join(R.HERE, name), dump(document) + "\n"
        if not arguments:
            with open(path, "w", encoding="ascii", newline="\n") as handle:
                handle.write(text)
        elif not os.path.exists(path) or open(path, encoding="utf-8", newline="").read() != text:
            differ.append(name)
    if differ:
        print("not as generated: " + ", ".join(differ))
        return 1
    print("%s: %d accepted, %d refused, %d responses, %d units" % ("unchanged" if arguments else "written", len(ACCEPTED), len(REFUSED), len(ANSWERED + ANSWER_REFUSED), sum(map(len, UNITS.values()))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
