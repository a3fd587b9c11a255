#!/usr/bin/env bash
# A real Odoo server for `cargo xtask test --real-odoo`: Odoo 14 with CRM, contacts and calendar, from Debian 11, the last
# release that has it, in a folder of its own. Its external API is that of later versions.
#
#   server.sh check                     exit code 0, or 3 and the reason why this machine cannot have one
#   server.sh start FOLDER PORT         installs what is missing (once: 10 minutes, 2 GB), and starts it with a fresh database
#   server.sh stop FOLDER
#
# It listens on 127.0.0.1:PORT; database `scenario`, login `admin`, password `admin`. SALESCOMMAND_DEBIAN_MIRROR names the
# mirror; without it, it is the one this machine's apt uses.
set -euo pipefail

template=template_crm
database=scenario
socket_port=55414 # names the socket inside FOLDER; nothing listens on it

mirror() {
  local found=${SALESCOMMAND_DEBIAN_MIRROR:-}
  [ -n "$found" ] || found=$(grep -rhoE '(https?|mirror\+file):/[^ ]*/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 || true)
  printf '%s' "${found%% *}"
}

cannot() { printf '%s\n' "$1"; exit 3; }

check() {
  [ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || cannot "Debian's Odoo runs on Linux on x86-64 only"
  [ "$(id -u)" -eq 0 ] || cannot "a Debian system in a folder needs root (chroot, mount)"
  command -v debootstrap >/dev/null || cannot "debootstrap is missing: apt-get install debootstrap"
  command -v python3 >/dev/null || cannot "python3 is missing: its XML-RPC client is the office's"
  [ -n "$(mirror)" ] || cannot "no Debian mirror in /etc/apt: set SALESCOMMAND_DEBIAN_MIRROR"
}

inside() { chroot "$folder" "$@"; }
as() { inside su "$1" -s /bin/sh -c "$2"; }
psql() { as postgres "psql -p $socket_port -qAtc \"$1\""; }
# No scheduled jobs: what changes is what the tests do.
odoo() { printf 'odoo -r odoo --db_host=/var/run/postgresql --db_port=%s --data-dir=/var/lib/odoo-tests --max-cron-threads=0 --log-level=warn' $socket_port; }

mounts() {
  mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
  mountpoint -q "$folder/dev" || mount --bind /dev "$folder/dev"
}

postgres() {
  inside pg_ctlcluster --skip-systemctl-redirect 13 main status >/dev/null 2>&1 ||
    inside pg_ctlcluster --skip-systemctl-redirect 13 main start
}

install() {
  [ ! -e "$folder/.installed" ] || return 0
  mkdir -p "$folder"
  [ -x "$folder/usr/bin/apt-get" ] || debootstrap --variant=minbase bullseye "$folder" "$(mirror)"
  cp /etc/resolv.conf "$folder/etc/resolv.conf"
  printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d" # packages start no services
  chmod +x "$folder/usr/sbin/policy-rc.d"
  mounts
  export DEBIAN_FRONTEND=noninteractive
  inside apt-get update -qq
  inside apt-get install -y -qq --no-install-recommends postgresql odoo-14
  sed -i "s/^port = .*/port = $socket_port/; s/^#\?listen_addresses = .*/listen_addresses = ''/" "$folder/etc/postgresql/13/main/postgresql.conf"
  postgres
  [ -n "$(psql "select 1 from pg_roles where rolname = 'odoo'")" ] || psql 'create role odoo superuser login'
  [ -z "$(psql "select 1 from pg_database where datname = '$template'")" ] || psql "drop database $template"
  mkdir -p "$folder/var/lib/odoo-tests"
  inside chown odoo /var/lib/odoo-tests
  as odoo "$(odoo) -d $template -i crm,contacts,calendar,hr --stop-after-init"
  touch "$folder/.installed"
}

answers() { curl -fs -o /dev/null "http://127.0.0.1:$1/web/webclient/version_info" -H 'Content-Type: application/json' -d '{}'; }

start() {
  install
  mounts
  postgres
  psql "drop database if exists $database"
  psql "create database $database template $template"
  as odoo "rm -rf /var/lib/odoo-tests/filestore/$database && cp -r /var/lib/odoo-tests/filestore/$template /var/lib/odoo-tests/filestore/$database"
  setsid chroot "$folder" su odoo -s /bin/sh -c "exec $(odoo) -d $database --http-interface=127.0.0.1 --http-port=$1 \
    --pidfile=/tmp/odoo.pid --logfile=/tmp/odoo.log" </dev/null >/dev/null 2>&1 &
  for _ in $(seq 120); do
    if answers "$1"; then return 0; fi
    sleep 1
  done
  echo "Odoo does not answer on port $1; see $folder/tmp/odoo.log" >&2
  return 1
}

stop() {
  [ ! -s "$folder/tmp/odoo.pid" ] || kill "$(cat "$folder/tmp/odoo.pid")" 2>/dev/null || true
  inside pg_ctlcluster --skip-systemctl-redirect -m fast 13 main stop || true
  umount "$folder/dev" "$folder/proc" 2>/dev/null || true
}

folder=${2:-}
case ${1:-} in
  check) check ;;
  start) check && start "${3:?server.sh start FOLDER PORT}" ;;
  stop) stop ;;
  *) sed -n '2,11p' "$0"; exit 2 ;;
esac
