#!/usr/bin/env python3
"""Reference for the Countersign signatures, in the Python standard library.

    python3 recompute.py             recompute every vector in this directory
    python3 recompute.py --openssl   and compare every accepted MAC with `openssl dgst`
    python3 recompute.py --oracle    read requests as JSON lines, write verdicts as JSON lines

It implements sections 1 to 4 of docs/protocol.md (of section 2 the stages 1 to 6, 8 and 9) and is written to
be read beside them: clear before fast. It is a reference for tests, not a server.
"""
import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
from fractions import Fraction

HERE = os.path.dirname(os.path.abspath(__file__))
PROTOCOL = "countersign-1"
DEFAULTS = {"now": "2020-01-01T12:00:30Z", "skew": 300, "hosts": ["api.example.com"],
            "requiredHeaders": [], "maxBodyBytes": 1048576, "presigned": False}

HASHES = {"HMAC-256": hashlib.sha256, "HMAC-512": hashlib.sha512}
MAC_BYTES = {"HMAC-256": 32, "HMAC-512": 64}
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")
ALWAYS_SINGLE = ("authorization", "host", "date", "x-date", "x-nonce", "content-digest", "content-type",
                 "content-encoding", "content-length", "transfer-encoding") + OVERRIDES
NEVER_SIGNED = ("authorization", "connection", "keep-alive", "proxy-authorization", "proxy-authenticate",
                "te", "trailer", "transfer-encoding", "upgrade")
NEVER_SIGNED_BACK = ("authentication-info", "host")
SINGLE_IN_RESPONSE = ("authentication-info", "date", "content-digest", "content-type", "content-encoding")
PRESIGNED_REQUIRED = ("X-Hmac-Credential", "X-Hmac-Date", "X-Hmac-Expires", "X-Hmac-Signature")
PRESIGNED = PRESIGNED_REQUIRED + ("X-Hmac-Nonce",)
MAX_EXPIRES = 604800
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
LOWER_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-z]+")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

STATUS = {"header_duplicated": 400, "header_malformed": 400, "target_malformed": 400, "host_malformed": 400,
          "body_incomplete": 400, "target_too_long": 414, "headers_too_many": 431, "host_not_allowed": 421,
          "body_too_large": 413}
HIDDEN = ("credential_unknown", "credential_inactive", "algorithm_mismatch", "signature_mismatch")


class Refused(Exception):
    def __init__(self, stage, code):
        super().__init__(code)
        self.stage, self.code = stage, code


def status_of(code):
    return STATUS.get(code, 401)


def public_code(code):
    return "credential_rejected" if code in HIDDEN else code


def ascii_lower(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def trim(value):
    """Optional white space is SP and HTAB, nothing else."""
    return value.strip(" \t")


def base64_bytes(text):
    """Standard alphabet, padded, canonical; None for anything else."""
    if not re.fullmatch(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text):
        return None
    raw = base64.b64decode(text)
    return raw if base64.b64encode(raw).decode("ascii") == text else None


def mac(algorithm, secret, data):
    return hmac.new(secret, data, HASHES[algorithm]).digest()


# ---- secrets and keys ----------------------------------------------------------------------------

def secret_bytes(text):
    """`csk_` and unpadded, canonical base64url of at least 32 bytes; None for anything else."""
    match = re.fullmatch(r"csk_([A-Za-z0-9_-]+)", text)
    if not match or len(match.group(1)) % 4 == 1:
        return None
    body = match.group(1)
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    if base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=") != body:
        return None
    return raw if len(raw) >= 32 else None


def days_from_civil(year, month, day):
    """Days since 1970-01-01, proleptic Gregorian; the standard library has no year 0."""
    year -= month <= 2
    era = year // 400
    yoe = year - era * 400
    doy = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468


def month_days(year, month):
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def instant(text):
    """An RFC 3339 date-time as an exact number of seconds."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
                         r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))", text)
    if not match:
        raise ValueError("not an RFC 3339 date-time: " + text)
    year, month, day, hour, minute, second = (int(match.group(n)) for n in range(1, 7))
    if not 1 <= month <= 12 or not 1 <= day <= month_days(year, month) or hour > 23 or minute > 59 or second > 59:
        raise ValueError("not a real date-time: " + text)
    seconds = Fraction(days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second)
    if match.group(7):
        seconds += Fraction("0" + match.group(7))
    if match.group(8):
        offset = int(match.group(9)) * 3600 + int(match.group(10)) * 60
        seconds += -offset if match.group(8) == "+" else offset
    return seconds


def load_keys(document):
    keys = {}
    for entry in document["keys"]:
        if entry["credential"] in keys:
            raise ValueError("credential twice: " + entry["credential"])
        secrets = []
        for item in entry["secrets"]:
            raw = secret_bytes(item["secret"])
            if raw is None:
                raise ValueError("bad secret of " + entry["credential"])
            secrets.append({"id": item.get("id"), "bytes": raw,
                            "notBefore": instant(item["notBefore"]) if "notBefore" in item else None,
                            "notAfter": instant(item["notAfter"]) if "notAfter" in item else None})
        algorithm = entry.get("algorithm", "HMAC-256")
        status = entry.get("status", "active")
        if algorithm not in HASHES or status not in ("active", "disabled"):
            raise ValueError("bad key " + entry["credential"])
        keys[entry["credential"]] = {"algorithm": algorithm, "status": status, "secrets": secrets}
    return keys


def live_secrets(key, now):
    return [s for s in key["secrets"]
            if (s["notBefore"] is None or s["notBefore"] <= now) and (s["notAfter"] is None or now < s["notAfter"])]


# ---- the parts of a request ----------------------------------------------------------------------

def signed_names(text):
    """The list of a SignedHeaders parameter; None if it is not one."""
    names = text.split(";")
    if len(names) > 32 or any(not LOWER_TOKEN.fullmatch(n) or n in NEVER_SIGNED for n in names):
        return None
    return None if any(a >= b for a, b in zip(names, names[1:])) else names


def parse_authorization(value):
    """Stage 2, for a value that is present. Gives (scheme, credential, names, signature bytes)."""
    malformed = Refused(2, "authorization_malformed")
    value = trim(value)
    if len(value) > 4096 or not value:
        raise malformed
    token, space, rest = value.partition(" ")
    if not TOKEN.fullmatch(token):
        raise malformed
    scheme = token.upper()
    if scheme not in HASHES:
        raise Refused(2, "scheme_unsupported")
    match = re.fullmatch(r"Credential=([A-Za-z0-9._-]{1,128}), ?SignedHeaders=([^,; ]+(?:;[^,; ]+)*), ?"
                         r"Signature=([A-Za-z0-9+/=]+)", rest) if space else None
    if not match:
        raise malformed
    names = signed_names(match.group(2))
    if names is None:
        raise malformed
    signature = base64_bytes(match.group(3))
    if signature is None or len(signature) != MAC_BYTES[scheme]:     # so 44 or 88 characters
        raise malformed
    return scheme, match.group(1), names, signature


def presigned_pieces(target):
    """The pieces of the query that are parameters of a presigned URL: by name, (name as written, value) pairs."""
    def decoded(match):
        character = chr(int(match.group(1), 16))
        return character if character in UNRESERVED else match.group(0)
    found = {}
    for piece in target.partition("?")[2].split("&"):
        written, _, value = piece.partition("=")
        name = re.sub(r"%([0-9A-Fa-f]{2})", decoded, written)
        if name in PRESIGNED:
            found.setdefault(name, []).append((written, value))
    return found


def parse_presigned(method, fields, found):
    """Stage 2 of a presigned URL. Gives (algorithm, credential, signature bytes, values by name)."""
    malformed = Refused(2, "authorization_malformed")
    if "authorization" in fields or method not in ("GET", "HEAD"):
        raise malformed
    if any(len(pieces) > 1 or pieces[0][0] != name or "%" in pieces[0][1] for name, pieces in found.items()):
        raise malformed                             # twice, or not written literally
    values = {name: pieces[0][1] for name, pieces in found.items()}
    if any(name not in values for name in PRESIGNED_REQUIRED):
        raise malformed
    if method == "HEAD" and "X-Hmac-Nonce" in values:
        raise malformed
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", values["X-Hmac-Credential"]):
        raise malformed
    if not re.fullmatch(r"[1-9][0-9]{0,5}", values["X-Hmac-Expires"]) or int(values["X-Hmac-Expires"]) > MAX_EXPIRES:
        raise malformed
    sent = values["X-Hmac-Signature"]
    algorithm = {43: "HMAC-256", 86: "HMAC-512"}.get(len(sent))
    if algorithm is None or not re.fullmatch(r"[A-Za-z0-9_-]+", sent):
        raise malformed
    signature = base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
    if base64.urlsafe_b64encode(signature).decode("ascii").rstrip("=") != sent:
        raise malformed
    return algorithm, values["X-Hmac-Credential"], signature, values


def normalise_percent(text, in_path):
    """Step 1 of the canonical target, with the encoded controls of rule 4."""
    out, i = [], 0
    while i < len(text):
        c = text[i]
        if not "!" <= c <= "~" or c in "#\\":
            raise Refused(4, "target_malformed")
        if c != "%":
            out.append(c)
            i += 1
            continue
        pair = text[i + 1:i + 3]
        if not re.fullmatch(r"[0-9A-Fa-f]{2}", pair):
            raise Refused(4, "target_malformed")
        byte = int(pair, 16)
        if byte == 0 or (in_path and (byte < 0x20 or byte == 0x7F)):
            raise Refused(4, "target_malformed")
        out.append(chr(byte) if chr(byte) in UNRESERVED else "%" + pair.upper())
        i += 3
    return "".join(out)


def canonical_target(target):
    if len(target) > 8192:
        raise Refused(4, "target_too_long")
    path, _, query = target.partition("?")
    path = normalise_percent(path, True)
    if not path.startswith("/"):
        raise Refused(4, "target_malformed")
    segments = path[1:].split("/")
    if "" in segments[:-1]:
        raise Refused(4, "target_malformed")
    for piece in re.split(r"/|%2F|%5C", path):
        if re.split(r";|%3B", piece)[0] in (".", ".."):
            raise Refused(4, "target_malformed")
    if not query:
        return path
    pieces = [normalise_percent(piece, False) for piece in query.split("&")]
    pieces.sort(key=lambda piece: piece.partition("=")[0])      # stable, and ASCII only: byte order
    return path + "?" + "&".join(pieces)


def is_ipv6(text):
    def groups(part, tail):
        """Number of 16-bit groups of a colon-separated part, or None."""
        if part == "":
            return 0
        count, fields = 0, part.split(":")
        for i, field in enumerate(fields):
            if tail and i == len(fields) - 1 and "." in field:
                octets = field.split(".")
                if len(octets) != 4 or any(not re.fullmatch(r"0|[1-9][0-9]{0,2}", o) or int(o) > 255 for o in octets):
                    return None
                count += 2
            elif re.fullmatch(r"[0-9a-f]{1,4}", field):
                count += 1
            else:
                return None
        return count

    halves = text.split("::")
    if len(halves) == 1:
        return groups(text, True) == 8
    if len(halves) != 2:
        return False
    left, right = groups(halves[0], False), groups(halves[1], True)
    return left is not None and right is not None and left + right <= 7


def canonical_host(value):
    value = ascii_lower(trim(value))
    match = re.fullmatch(r"([a-z0-9._-]+|\[([0-9a-f:.]+)\])(:[0-9]{1,5})?", value)
    if not match or (match.group(2) is not None and not is_ipv6(match.group(2))):
        raise Refused(4, "host_malformed")
    return match.group(1) if match.group(3) in (":80", ":443") else value


def unix_date(value):
    """IMF-fixdate, exactly, to seconds since 1970."""
    days = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    match = re.fullmatch(r"(%s), ([0-9]{2}) (%s) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
                         % ("|".join(days), "|".join(months)), value)
    if not match:
        raise Refused(6, "date_malformed")
    day, year, hour, minute, second = (int(match.group(n)) for n in (2, 4, 5, 6, 7))
    month = months.index(match.group(3)) + 1
    if not 1 <= day <= month_days(year, month) or hour > 23 or minute > 59 or second > 59:
        raise Refused(6, "date_malformed")
    count = days_from_civil(year, month, day)
    if days[(count + 4) % 7] != match.group(1):
        raise Refused(6, "date_malformed")
    return count * 86400 + hour * 3600 + minute * 60 + second


def unix_basic_date(value):
    """YYYYMMDDTHHMMSSZ of a real date, in seconds since 1970."""
    match = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z", value)
    year, month, day, hour, minute, second = (int(match.group(n)) for n in range(1, 7)) if match else (0,) * 6
    if not 1 <= month <= 12 or not 1 <= day <= month_days(year, month) or hour > 23 or minute > 59 or second > 59:
        raise Refused(6, "date_malformed")
    return days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second


def check_digest(value, body):
    malformed = Refused(8, "digest_malformed")
    found = {}
    for member in re.split(r"[ \t]*,[ \t]*", trim(value)):
        match = re.fullmatch(r"([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):", member)
        raw = base64_bytes(match.group(2)) if match else None
        if raw is None:
            raise malformed
        name = match.group(1)
        if name in ("sha-256", "sha-512"):
            if name in found or len(raw) != (32 if name == "sha-256" else 64):
                raise malformed
            found[name] = raw
    if not found:
        raise malformed
    for name, raw in found.items():
        hashed = (hashlib.sha256 if name == "sha-256" else hashlib.sha512)(body).digest()
        if not hmac.compare_digest(raw, hashed):
            raise Refused(8, "digest_mismatch")


def body_of(request):
    if "bodyBase64" in request:
        return base64.b64decode(request["bodyBase64"], validate=True)
    return request.get("body", "").encode("utf-8")


def string_to_sign(scheme, credential, method, target, lines):
    return "".join(line + "\n" for line in [scheme, credential, method, target] + ["%s: %s" % l for l in lines])


def presigned_string(algorithm, credential, target, host):
    """`target` is the canonical one of the whole URL; the signature does not sign itself."""
    path, _, query = target.partition("?")
    pieces = [piece for piece in query.split("&") if piece.partition("=")[0] != "X-Hmac-Signature"]
    return "".join(line + "\n" for line in [algorithm + "-URL", credential, "GET", path + "?" + "&".join(pieces), "host: " + host])


def response_string(algorithm, credential, request_signature, status, lines):
    return "".join(line + "\n" for line in [algorithm + "-RESPONSE", credential, request_signature, str(status)] +
                   ["%s: %s" % l for l in lines])


# ---- the verifier, section 2 ---------------------------------------------------------------------

def verify(vector, keys, defaults):
    """One request. Never raises Refused: the verdict is in the answer."""
    seen = {"canonicalTarget": None, "stringToSign": None}
    try:
        answer = stages(vector["request"], dict(defaults, **vector.get("verifier", {})),
                        {(c, n) for c, n in vector.get("claimed", [])}, keys, seen)
        return dict(seen, verdict="accepted", code=None, **answer)
    except Refused as refusal:
        return dict(seen, verdict="refused", code=refusal.code, stage=refusal.stage)


def stages(request, verifier, claimed, keys, seen):
    method, target = request["method"], request["target"]
    headers = [(ascii_lower(name), trim(value)) for name, value in request["headers"]]
    body = body_of(request)
    now = instant(verifier["now"])
    fields = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)

    # 1. limits
    if len(headers) > 100:
        raise Refused(1, "headers_too_many")
    if any(len(fields.get(name, ())) > 1 for name in ALWAYS_SINGLE):
        raise Refused(1, "header_duplicated")

    # 2. the Authorization field, or the parameters of a presigned URL
    found = presigned_pieces(target) if verifier["presigned"] else {}
    if found:
        scheme, credential, signature, presigned = parse_presigned(method, fields, found)
        names = ["host"]
    elif "authorization" not in fields:
        raise Refused(2, "authorization_missing")
    else:
        scheme, credential, names, signature = parse_authorization(fields["authorization"][0])
        presigned = None

    # 3. the key; a failure is held until stage 5
    key, held, secrets = keys.get(credential), None, []
    if key is None:
        held = "credential_unknown"
    elif key["status"] != "active" or not live_secrets(key, now):
        held = "credential_inactive"
    elif key["algorithm"] != scheme:
        held = "algorithm_mismatch"
    else:
        secrets = live_secrets(key, now)

    # 4a. framing
    length = None
    if "transfer-encoding" in fields:
        if ascii_lower(fields["transfer-encoding"][0]) != "chunked" or "content-length" in fields:
            raise Refused(4, "header_malformed")
    elif "content-length" in fields:
        if not re.fullmatch(r"[0-9]+", fields["content-length"][0]):
            raise Refused(4, "header_malformed")
        digits = fields["content-length"][0].lstrip("0") or "0"
        length = int(digits) if len(digits) <= 18 else 10 ** 18
    declared = "transfer-encoding" in fields or bool(length)

    # 4b. coverage
    def must(name, absent="header_missing"):
        if name not in fields:
            raise Refused(4, absent)
        if name not in names:
            raise Refused(4, "header_unsigned")

    must("host")
    if presigned:
        if declared or any(name in fields for name in OVERRIDES + ("content-encoding", "x-nonce")):
            raise Refused(4, "header_unsigned")
    else:
        must("x-nonce")
        times = [name for name in ("date", "x-date") if name in names]
        if len(times) == 2:
            raise Refused(4, "header_malformed")
        if not times:
            raise Refused(4, "header_unsigned" if "date" in fields or "x-date" in fields else "header_missing")
        if declared:
            must("content-digest", "digest_missing")
        for name in ("content-type", "content-encoding") + OVERRIDES:
            if name in fields:
                must(name)
    for name in verifier["requiredHeaders"]:
        must(ascii_lower(name))

    # 4c. the listed fields, the method
    for name in names:
        if name not in fields:
            raise Refused(4, "header_missing")
        if len(fields[name]) > 1:
            raise Refused(4, "header_duplicated")
        if not re.fullmatch(r"[\t -~]*", fields[name][0]):
            raise Refused(4, "header_malformed")
    if not TOKEN.fullmatch(method):
        raise Refused(4, "target_malformed")

    # 4d. target, 4e. host
    seen["canonicalTarget"] = canonical_target(target)
    host = canonical_host(fields["host"][0])
    if host not in [canonical_host(h) for h in verifier["hosts"]]:
        raise Refused(4, "host_not_allowed")

    # 5. signature
    lines = [(name, host if name == "host" else fields[name][0]) for name in names]
    if presigned:
        text = presigned_string(scheme, credential, seen["canonicalTarget"], host)
    else:
        text = string_to_sign(scheme, credential, method, seen["canonicalTarget"], lines)
    seen["stringToSign"] = text
    if held:
        hmac.compare_digest(mac(scheme, bytes(32), text.encode("ascii")), signature)
        raise Refused(3, held)
    matched = None
    for secret in secrets:
        if hmac.compare_digest(mac(scheme, secret["bytes"], text.encode("ascii")), signature) and matched is None:
            matched = secret
    if matched is None:
        raise Refused(5, "signature_mismatch")

    # 6. freshness, nonce form
    if presigned:
        date, nonce = unix_basic_date(presigned["X-Hmac-Date"]), presigned.get("X-Hmac-Nonce")
        until = date + int(presigned["X-Hmac-Expires"])
    else:
        date, nonce = unix_date(fields[times[0]][0]), fields["x-nonce"][0]
        until = date + verifier["skew"]
    floor = now.numerator // now.denominator
    if floor > until:
        raise Refused(6, "date_expired")
    if floor < date - verifier["skew"]:
        raise Refused(6, "date_in_future")
    if nonce is not None and not re.fullmatch(r"[A-Za-z0-9_-]{16,128}", nonce):
        raise Refused(6, "nonce_malformed")

    # 8. body
    if (length or 0) > verifier["maxBodyBytes"] or len(body) > verifier["maxBodyBytes"]:
        raise Refused(8, "body_too_large")
    if length is not None and len(body) != length:
        raise Refused(8, "body_incomplete")
    if body and not declared and "content-digest" not in names:
        raise Refused(8, "digest_missing")
    if "content-digest" in fields:
        check_digest(fields["content-digest"][0], body)

    # 9. the claim
    if (credential, nonce) in claimed:
        raise Refused(9, "nonce_replayed")

    return {"credential": credential, "secretId": matched["id"], "signedHeaders": names,
            "signature": presigned["X-Hmac-Signature"] if presigned else base64.b64encode(signature).decode("ascii")}


# ---- the response, section 3 ---------------------------------------------------------------------

def parse_authentication_info(value):
    """(names, signature as base64), or None for anything off the grammar."""
    value = trim(value)
    match = re.fullmatch(r"SignedHeaders=([^,; ]+(?:;[^,; ]+)*), ?Signature=([A-Za-z0-9+/=]+)", value)
    if len(value) > 4096 or not match:
        return None
    names, signature = signed_names(match.group(1)), base64_bytes(match.group(2))
    if names is None or any(name in NEVER_SIGNED_BACK for name in names):
        return None
    return (names, match.group(2)) if signature is not None and len(signature) in MAC_BYTES.values() else None


def response_names(fields, body, also=()):
    """What a server signs of a response."""
    names = {"date"} | {name for name in ("content-type", "content-encoding") if name in fields} | set(also)
    return sorted(names | {"content-digest"} if body else names)


def check_response(vector, keys):
    """What a client does with an answer: why it is refused or None, and the string to sign if it came so far."""
    key = keys[vector["credential"]]
    secret = [s["bytes"] for s in key["secrets"] if s["id"] == vector["secretId"]][0]
    body, fields = body_of(vector), {}
    for name, value in vector["headers"]:
        fields.setdefault(ascii_lower(name), []).append(trim(value))

    if any(len(fields.get(name, ())) > 1 for name in SINGLE_IN_RESPONSE):
        return "header_duplicated", None
    if "authentication-info" not in fields:
        return "info_missing", None
    info = parse_authentication_info(fields["authentication-info"][0])
    if info is None:
        return "info_malformed", None
    names, signature = info

    for name in response_names(fields, body):
        if name not in fields:
            return "digest_missing" if name == "content-digest" else "header_missing", None
        if name not in names:
            return "header_unsigned", None
    for name in names:
        if name not in fields:
            return "header_missing", None
        if len(fields[name]) > 1:
            return "header_duplicated", None
        if not re.fullmatch(r"[\t -~]*", fields[name][0]):
            return "header_malformed", None

    text = response_string(key["algorithm"], vector["credential"], vector["requestSignature"], vector["status"],
                           [(name, fields[name][0]) for name in names])
    if not hmac.compare_digest(mac(key["algorithm"], secret, text.encode("ascii")), base64_bytes(signature)):
        return "signature_mismatch", text
    try:
        unix_date(fields["date"][0])
        if "content-digest" in fields:
            check_digest(fields["content-digest"][0], body)
    except Refused as refusal:
        return refusal.code, text
    return None, text


# ---- checking the files --------------------------------------------------------------------------

def load(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as handle:
        return json.load(handle)


def attempt(function, *args):
    try:
        return function(*args), None
    except Refused as refusal:
        return None, refusal.code


def compose_authorization(scheme, credential, names, signature):
    return "%s Credential=%s,SignedHeaders=%s,Signature=%s" % (scheme, credential, ";".join(names), signature)


def is_presigned(vector, defaults):
    return dict(defaults, **vector.get("verifier", {}))["presigned"] and bool(presigned_pieces(vector["request"]["target"]))


def compose_authentication_info(names, signature):
    return "SignedHeaders=%s,Signature=%s" % (";".join(names), signature)


def check_response_accepted(vector, keys):
    """The field a server writes, and the client that gets it."""
    key = keys[vector["credential"]]
    secret = [s["bytes"] for s in key["secrets"] if s["id"] == vector["secretId"]][0]
    fields = {ascii_lower(name): trim(value) for name, value in vector["headers"]}
    names = response_names(fields, body_of(vector), vector.get("also", ()))
    if names != vector["signedHeaders"]:
        return "signedHeaders is %r" % (names,)
    text = response_string(key["algorithm"], vector["credential"], vector["requestSignature"], vector["status"],
                           [(name, fields[name]) for name in names])
    if text != vector["stringToSign"]:
        return "stringToSign is %r" % (text,)
    built = compose_authentication_info(names, base64.b64encode(mac(key["algorithm"], secret, text.encode("ascii"))).decode("ascii"))
    if built != vector["authenticationInfo"]:
        return "authenticationInfo is " + built
    sent = vector.get("sent", built)
    reason, _ = check_response(dict(vector, headers=vector["headers"] + [["Authentication-Info", sent]]), keys)
    return None if reason is None else "refused with " + reason


def check_response_refused(vector, keys):
    reason, text = check_response(vector, keys)
    if reason != vector["refused"]:
        return "refused with %s" % (reason,) if reason else "accepted"
    return None if text == vector.get("stringToSign") else "stringToSign is %r" % (text,)


def check_accepted(vector, keys, defaults):
    want = {m: vector[m] for m in ("credential", "secretId", "signedHeaders", "canonicalTarget", "stringToSign", "signature")}
    got = verify(vector, keys, defaults)
    if got["verdict"] != "accepted":
        return "refused with " + got["code"]
    for member, value in want.items():
        if got[member] != value:
            return "%s is %r" % (member, got[member])
    # From the signer's side: the MAC, and the field built anew, but for what the grammar leaves free.
    key = keys[vector["credential"]]
    secret = [s["bytes"] for s in key["secrets"] if s["id"] == got["secretId"]][0]
    signature = base64.b64encode(mac(key["algorithm"], secret, got["stringToSign"].encode("ascii"))).decode("ascii")
    if is_presigned(vector, defaults):
        url_safe = signature.replace("+", "-").replace("/", "_").rstrip("=")
        return None if url_safe == vector["signature"] else "signature is " + url_safe
    sent = [trim(v) for n, v in vector["request"]["headers"] if ascii_lower(n) == "authorization"][0]
    scheme, _, rest = sent.partition(" ")
    built = compose_authorization(key["algorithm"], got["credential"], got["signedHeaders"], signature)
    if scheme.upper() + " " + rest.replace(", ", ",") != built:
        return "Authorization is " + built
    return None


def check_refused(vector, keys, defaults):
    got = verify(vector, keys, defaults)
    if got["verdict"] != "refused":
        return "accepted"
    got = dict(got, publicCode=public_code(got["code"]), status=status_of(got["code"]))
    for member in ("code", "stage", "publicCode", "status"):
        if got[member] != vector[member]:
            return "%s is %r" % (member, got[member])
    for member in ("canonicalTarget", "stringToSign"):
        if got[member] != vector.get(member):
            return "%s is %r" % (member, got[member])
    return None


def check_unit(file, unit):
    if file == "targets.json":
        value, code = attempt(canonical_target, unit["input"])
        got = {"canonical": value} if code is None else {"code": code}
    elif file == "authorization.json":
        parsed, code = attempt(parse_authorization, unit["value"])
        got = {"code": code} if code else {"scheme": parsed[0], "credential": parsed[1], "signedHeaders": parsed[2],
                                           "signature": base64.b64encode(parsed[3]).decode("ascii")}
    elif file == "dates.json":
        value, code = attempt(unix_date, unit["input"])
        got = {"unix": value} if code is None else {"code": code}
    elif file == "digests.json":
        _, code = attempt(check_digest, unit["value"], body_of(unit))
        got = {"result": "ok"} if code is None else {"code": code}
    elif file == "hosts.json":
        value, code = attempt(canonical_host, unit["input"])
        got = {"canonical": value} if code is None else {"code": code}
    elif file == "secrets.json":
        raw = secret_bytes(unit["text"])
        got = {"result": "invalid"} if raw is None else {"hex": raw.hex()}
    else:
        full = mac(unit["algorithm"], bytes.fromhex(unit["keyHex"]), bytes.fromhex(unit["dataHex"]))
        got = {"result": "valid" if hmac.compare_digest(full, bytes.fromhex(unit["tagHex"])) else "invalid"}
    inputs = ("name", "why", "input", "value", "body", "bodyBase64", "text", "algorithm", "keyHex", "dataHex", "tagHex")
    if file == "authorization.json":
        inputs = ("name", "why", "value")
    want = {member: value for member, value in unit.items() if member not in inputs}
    return None if got == want else "is %r" % (got,)


UNIT_FILES = ("targets.json", "authorization.json", "dates.json", "digests.json", "hosts.json", "secrets.json", "macs.json")


def openssl_mac(algorithm, secret, data):
    done = subprocess.run(["openssl", "dgst", "-sha256" if algorithm == "HMAC-256" else "-sha512", "-mac", "HMAC",
                           "-macopt", "hexkey:" + secret.hex(), "-binary"],
                          input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    return done.stdout


def run(with_openssl):
    keys = load_keys(load("keys.json"))
    passed = failed = 0

    def report(file, outcomes):
        nonlocal passed, failed
        bad = [(name, why) for name, why in outcomes if why]
        passed += len(outcomes) - len(bad)
        failed += len(bad)
        for name, why in bad:
            print("  FAILED %s: %s: %s" % (file, name, why))
        print("%-20s %4d passed, %d failed" % (file, len(outcomes) - len(bad), len(bad)))

    def guarded(names, item, check, *args):
        if item["name"] in names or not item.get("why"):
            return item["name"], "name used twice, or no reason given"
        names.add(item["name"])
        try:
            return item["name"], check(*args)
        except Exception as error:                  # a broken vector is a failure of that vector only
            return item["name"], "%s: %s" % (type(error).__name__, error)

    report("keys.json", [(credential, None) for credential in keys])
    for file, check in (("accepted.json", check_accepted), ("refused.json", check_refused)):
        document, names = load(file), set()
        outcomes = [guarded(names, v, check, v, keys, document["defaults"]) for v in document["vectors"]]
        outcomes.append(("(top of file)", None if document["protocol"] == PROTOCOL and document["defaults"] == DEFAULTS
                         else "protocol or defaults differ"))
        report(file, outcomes)
    document, names = load("responses.json"), set()
    outcomes = [guarded(names, v, check, v, keys) for part, check in (("accepted", check_response_accepted), ("refused", check_response_refused))
                for v in document[part]]
    outcomes.append(("(top of file)", None if document["protocol"] == PROTOCOL else "protocol differs"))
    report("responses.json", outcomes)
    for file in UNIT_FILES:
        document, names = load(file), set()
        outcomes = [guarded(names, u, check_unit, file, u) for u in document["units"]]
        outcomes.append(("(top of file)", None if document["protocol"] == PROTOCOL else "protocol differs"))
        report(file, outcomes)
    if with_openssl:
        if not shutil.which("openssl"):
            print("openssl              not found, skipped")
        else:
            outcomes = []
            signed = [(v, v["signature"]) for v in load("accepted.json")["vectors"]]
            signed += [(v, v["authenticationInfo"].partition("Signature=")[2]) for v in load("responses.json")["accepted"]]
            for vector, signature in signed:
                key = keys[vector["credential"]]
                secret = [s["bytes"] for s in key["secrets"] if s["id"] == vector["secretId"]][0]
                got = base64.b64encode(openssl_mac(key["algorithm"], secret, vector["stringToSign"].encode("ascii"))).decode("ascii")
                if not signature.endswith("="):     # of a presigned URL
                    got = got.rstrip("=").replace("+", "-").replace("/", "_")
                outcomes.append((vector["name"], None if got == signature else "differs"))
            report("openssl dgst", outcomes)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


def oracle():
    keys = load_keys(load("keys.json"))
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            if "request" in item:
                got = verify(item, keys, DEFAULTS)
                answer = {m: got[m] for m in ("verdict", "code", "canonicalTarget", "stringToSign")}
            elif "requestSignature" in item:
                reason, text = check_response(item, keys)
                answer = {"refused": reason, "stringToSign": text}
            else:
                value, code = attempt(canonical_target, item["target"])
                answer = {"canonical": value} if code is None else {"code": code}
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer), flush=True)
    return 0


def main(arguments):
    if arguments == ["--oracle"]:
        return oracle()
    if arguments in ([], ["--openssl"]):
        return run(bool(arguments))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
