#!/usr/bin/env bash
# Says in one line whether the tests on PostgreSQL can run here: they need its programs, and start a server of their own.
# `install` gets Debian's package first if the programs are missing, without making or starting a cluster. Never fails.
set -uo pipefail

here() {
    command -v pg_ctl >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/pg_ctl' >/dev/null
}

install() {
    local root=()
    command -v apt-get >/dev/null || return
    if [ "$(id -u)" -ne 0 ]; then
        root=(sudo -n)
        sudo -n true 2>/dev/null || return
    fi
    local apt=(${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive timeout 120
        apt-get -qq -o DPkg::Lock::Timeout=60 -o Acquire::Retries=1)
    local conf=/etc/postgresql-common/createcluster.conf code
    # The common package first: its settings decide whether the server's package makes a cluster. They are put back.
    "${apt[@]}" update && "${apt[@]}" install --yes --no-install-recommends postgresql-common || return
    ${root[@]+"${root[@]}"} sed -i.before -E 's/^#? *create_main_cluster *=.*/create_main_cluster = false/' "$conf" || return
    grep -q '^create_main_cluster = false' "$conf" && "${apt[@]}" install --yes --no-install-recommends postgresql
    code=$?
    ${root[@]+"${root[@]}"} mv "$conf.before" "$conf"
    return "$code"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! here && [ "${1:-}" = install ]; then
    install >"$log" 2>&1 </dev/null || tail -n 1 "$log"
fi
if here; then
    echo "PostgreSQL's programs are here: the tests on PostgreSQL run"
else
    echo "PostgreSQL's programs are not here (Debian: apt-get install postgresql): the tests on PostgreSQL will be skipped"
fi
exit 0
