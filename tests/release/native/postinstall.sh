#!/bin/sh
# The user of netprobe-check.service; where there is no systemd there is no unit to run either.
set -e
if [ -d /run/systemd/system ]; then
  systemd-sysusers netprobe.conf
  systemctl daemon-reload
fi
