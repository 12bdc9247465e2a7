#!/bin/sh
# Fetch the one-file netprobe, once, check this host, and keep the report as JSON. POSIX shell; needs curl and sha256sum.
#   NETPROBE_URL     where the binary is (https://…)
#   NETPROBE_SHA256  what its SHA-256 must be
#   NETPROBE_OPTIONS options of 'netprobe check', such as: --region us-east-2 --label site=fra
#   NETPROBE_DIR     where binary and report lie (default /var/lib/netprobe-fleet)
set -eu
: "${NETPROBE_URL:?is missing}" "${NETPROBE_SHA256:?is missing}" "${NETPROBE_OPTIONS:?is missing}"
directory=${NETPROBE_DIR:-/var/lib/netprobe-fleet}
umask 022
mkdir -p "$directory"
if [ ! -O "$directory" ] || [ -n "$(find "$directory" -prune -perm /022)" ]; then
  echo "$directory is not ours alone" >&2
  exit 2
fi
binary="$directory/netprobe-$NETPROBE_SHA256"
new="$directory/.new-$$"
# What was begun goes, however this ends: half a download on a full disk would keep it full.
trap 'rm -f "$new" "$new.json" "$new.line"' EXIT
if [ ! -x "$binary" ]; then
  # Of a run that was killed a download may be left.
  find "$directory" -maxdepth 1 -name '.new-*' -mmin +60 -exec rm -f {} +
  curl --fail --silent --show-error --location --max-time 300 --output "$new" "$NETPROBE_URL"
  if ! echo "$NETPROBE_SHA256  $new" | sha256sum -c - >/dev/null; then
    echo "what $NETPROBE_URL gave is not the binary that was asked for" >&2
    exit 2
  fi
  chmod 0755 "$new"
  mv -f "$new" "$binary"
  for other in "$directory"/netprobe-*; do
    [ "$other" = "$binary" ] || rm -f "$other"
  done
fi
status=0
# The options are words on purpose.
# shellcheck disable=SC2086
NETPROBE_CACHE="$directory/unpacked" "$binary" check $NETPROBE_OPTIONS --quiet --format json \
  --output "$new.json" --report line="$new.line" || status=$?
case $status in
0 | 1 | 4) mv -f "$new.json" "$directory/report.json" ;;
*)
  echo "netprobe ended with $status; the last report is kept" >&2
  exit "$status"
  ;;
esac
verdict=$(sed -n 's/^  "verdict": "\([a-z_]*\)",\{0,1\}$/\1/p' "$directory/report.json" | head -n 1)
echo "netprobe: $verdict; $directory/report.json"
cat "$new.line"
