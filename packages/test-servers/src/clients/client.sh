#!/bin/sh
# Signs one request and sends it, with openssl and curl only. Prints the status on a line of its own, then the body.
#
# usage: client.sh [--ca FILE] [--connect HOST:PORT] METHOD URL [BODY]
# with COUNTERSIGN_CREDENTIAL and COUNTERSIGN_SECRET in the environment. A BODY is sent as JSON. The escapes of the URL
# must be in canonical form already; its query is sorted here.
set -eu
export LC_ALL=C
ca='' connect=''
while [ $# -gt 0 ]; do
  case $1 in
    --ca) ca=$2; shift 2 ;;
    --connect) connect=$2; shift 2 ;;
    *) break ;;
  esac
done
method=$1 url=$2

rest=${url#*://}
authority=${rest%%/*}
target=/${rest#*/}
host=$(printf %s "$authority" | tr A-Z a-z | sed -E 's/:(80|443)$//')
case $target in
  *\?) target=${target%\?} ;;
  *\?*) target="${target%%\?*}?$(printf '%s\n' "${target#*\?}" | tr '&' '\n' | sort -s -t = -k 1,1 | paste -s -d '&' -)" ;;
esac

date=$(date -u '+%a, %d %b %Y %H:%M:%S GMT')
nonce=$(openssl rand -hex 16)
names='date;host;x-nonce' fields="date: $date
host: $host
x-nonce: $nonce"
content=''
if [ $# -gt 2 ]; then
  names="content-digest;content-type;$names"
  content="content-digest: sha-256=:$(printf %s "$3" | openssl dgst -sha256 -binary | openssl base64 -A):
content-type: application/json"
  fields="$content
$fields"
fi

# csk_<base64url> to hex
encoded=$(printf %s "${COUNTERSIGN_SECRET#csk_}" | tr -- '-_' '+/')
while [ $((${#encoded} % 4)) -ne 0 ]; do encoded="$encoded="; done
key=$(printf %s "$encoded" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')

# one line each; the last ends in LF too
signature=$(printf '%s\n' HMAC-256 "$COUNTERSIGN_CREDENTIAL" "$method" "$target" "$fields" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)

# The last of curl's arguments, in front of which the others go.
set -- --request "$method" ${3+--data-raw "$3"} "$url"
if [ -n "$ca" ]; then set -- --cacert "$ca" "$@"; fi
if [ -n "$connect" ]; then set -- --connect-to "::$connect" "$@"; fi

# what curl reads from its standard input, ps does not show
answer=$({
  printf '%s\n' "$content" "date: $date" "x-nonce: $nonce" \
    "authorization: HMAC-256 Credential=$COUNTERSIGN_CREDENTIAL,SignedHeaders=$names,Signature=$signature" |
    sed -e '/^$/d' -e 's/.*/header = "&"/'
} | curl --disable --config - --silent --show-error --max-time 20 --path-as-is --globoff --write-out '\n%{http_code}' "$@")
printf '%s\n%s' "${answer##*
}" "${answer%
*}"
