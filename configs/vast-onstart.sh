#!/usr/bin/env bash
# The on-start script of a Vast template: docs/vast.md says how it is used.
#
# Vast runs it as root at every start of the instance, also after a preemption. It brings the project
# onto the instance's disk, installs what is missing, and keeps a pool running as an ordinary user.
# Everything lies under POOL_HOME, which survives a stop. Needed in the template's environment:
# POOL_REPOSITORY (what to clone), VERCEL_API_URL, WORKER_API_KEY.
#
#     vast-onstart.sh --run bin/pool-status --watch
#
# runs a command of the project over SSH as the pool itself runs: its user, folders and environment.
set -euo pipefail

use_templates_environment() { # SSH sessions have none of it; what is set here already is stronger
    local line name
    while IFS= read -r -d '' line; do
        name=${line%%=*}
        if [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ && -z ${!name+set} ]]; then
            export "$name=${line#*=}"
        fi
    done < <(cat /proc/1/environ 2>/dev/null)
}

[ "${1:-}" != --run ] || use_templates_environment

home=${POOL_HOME:-/workspace/pool}
app=$home/app
config=${POOL_CONFIG:-configs/wan22-ti2v-5b.yaml}
user=pool

say() { printf '%s vast-onstart: %s\n' "$(date -u +%FT%TZ)" "$*"; }

has_tools() { # gcc and Python's headers are for Triton, which compiles a part of every kernel
    local tool
    for tool in gcc git tmux; do command -v "$tool" >/dev/null || return 1; done
    python3 -c 'import ensurepip, os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null
}

prepare_machine() {
    if ! has_tools; then
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends \
                ca-certificates gcc git libc6-dev python3 python3-dev python3-venv tmux || return
    fi
    id "$user" >/dev/null 2>&1 || useradd --create-home "$user" || return
    mkdir -p "$home" && chown "$user" "$home"
}

as_user() { # the template's environment goes along, root's own folders do not
    runuser -u "$user" -- env \
        HOME="$home" \
        HF_HOME="$home/huggingface" \
        POOL_STATE_DIR="$home/state" \
        TEMP_DIR="$home/temp" \
        LOG_DIR="$home/logs" \
        POOL_DRAIN_TIMEOUT="${POOL_DRAIN_TIMEOUT:-1780}" \
        "$@"
}

fetch_project() { # a first start clones; later ones keep what is there, unless POOL_UPDATE is set
    if [ ! -d "$app/.git" ]; then
        # Renamed once it is whole: a preemption may come at any moment.
        rm -rf "$app.part"
        as_user git clone --depth 1 "$POOL_REPOSITORY" "$app.part" && as_user mv -T "$app.part" "$app"
    elif [ -n "${POOL_UPDATE:-}" ]; then
        as_user git -C "$app" pull --ff-only || say "not updated; going on with what is here"
    fi
}

insist() { # a network that is not there yet is no reason to rent a machine for nothing
    local trial
    for trial in 1 2 3 4 5 6 7 8 9 10; do
        "$@" && return
        say "failed, time $trial of 10: $*"
        sleep 30
    done
    return 1
}

run_pool() { # start it again after everything that another start may cure
    cd "$app"
    while true; do
        code=0
        as_user bin/start-pool --config "$config" || code=$?
        say "the pool ended with $code"
        case $code in
            0 | 2 | 3 | 4 | 5 | 8 | 9) return "$code" ;; # docs/operate.md says what each means
        esac
        sleep 10
    done
}

main() {
    : "${POOL_REPOSITORY:?set it in the environment of the Vast template}"
    insist prepare_machine
    insist fetch_project
    insist as_user "$app/bin/install"
    run_pool
}

case ${1:-} in
    --in-background)
        main >>"$home/vast-onstart.log" 2>&1
        ;;
    --run)
        cd "$app"
        as_user "${@:2}"
        ;;
    *)
        # Vast waits for this script, so the work goes on behind it. It may not be executable there.
        mkdir -p "$home"
        setsid --fork bash "$0" --in-background </dev/null >/dev/null 2>&1
        ;;
esac
