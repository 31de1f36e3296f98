#!/bin/sh
# Makes .venv: finds a Python, checks the disk, then installs with plain pip what constraints.txt
# pins, and this package itself. `make` calls it before anything that needs it; it may be run again
# at any time, and after a set-up that was cut short it starts from an empty .venv.
#
# It is a shell script because the Python it finds first may be too old to read a Python one.
#
#   PYTHON=/path/to/python3.12   use this one
#   SETUP_MB=…                   megabytes to ask for, instead of the measured need
set -eu
cd "$(dirname "$0")/.."

log=.venv/setup.log
torch=$(sed -n 's/^torch==//p' constraints.txt)
cpu_mb=3000   # measured: see README.md
cuda_mb=10000 # not measured: the CUDA libraries' own figures, with room to unpack

stop() {
    printf '\nSet-up stopped. %s\n' "$1" >&2
    exit 1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        # 3.11 first: it is the one that the pins were measured with.
        set -- python3.11 python3.12 python3.13 python3 python
    fi
    seen=
    for candidate; do
        version=$("$candidate" -c 'import sys; sys.stdout.write("%d.%d.%d" % sys.version_info[:3])
sys.exit(sys.version_info < (3, 11))' 2>/dev/null) && break
        [ -z "$version" ] || seen="$seen${seen:+, }$candidate is $version"
        version=
    done
    [ -n "$version" ] ||
        stop "seedwitness needs Python 3.11 or newer (${seen:-no Python was found under the names $*}). Install one, or name it: \`make setup PYTHON=/path/to/python3.11\`."
    # Not the one of an activated .venv, which may be about to go.
    python=$("$candidate" -c 'import sys; print(sys._base_executable)')
}

# $1: megabytes that the whole of .venv takes
need_disk() {
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    held=$(du -sk .venv 2>/dev/null | awk '{ print int($1 / 1024) }')
    needed=$((${SETUP_MB:-$1} - ${held:-0}))
    [ "$free" -ge "$needed" ] ||
        stop "The disk is too small: .venv needs another $needed MB in $(pwd), and $free MB are free. Free some space there, or move the folder to a larger disk, and run the same command again."
}

# pip says when it begins to write packages and when it has written them. Cut short in between, it
# may leave one half written, which the next run would take for whole.
writing='Installing collected packages:'
written='Successfully installed'
half_written() {
    [ -e "$log" ] &&
        [ "$(grep -c "^$writing" "$log")" -ne "$(grep -c "^$written" "$log")" ]
}

begin() {
    printf '  %-36s' "$1"
    began=$(date +%s)
}

finish() {
    printf '%5d s\n' $(($(date +%s) - began))
}

failed() {
    printf '   failed\n\n' >&2
    tail -n 15 "$log" >&2
    stop "The last lines of the log are above, the whole is in $log. Mend what they name and run the same command again."
}

pip() {
    .venv/bin/python -m pip --disable-pip-version-check --no-input "$@" >>"$log" 2>&1 </dev/null
}

# --- checks -----------------------------------------------------------------------------------

find_python
command -v git >/dev/null ||
    stop "git was not found; DVC, which runs the stages, needs it. Install it and run the same command again."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    stop "$python has no venv module. On Debian and Ubuntu \`apt install python3-venv\` brings it; or name another Python: \`make setup PYTHON=/path/to/python3.11\`."

if [ -e .venv ]; then
    if half_written; then
        echo "The last set-up was cut short while writing: starting from an empty .venv."
        rm -rf .venv
    elif ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        echo "The Python of .venv does not run any more: starting from an empty .venv."
        rm -rf .venv
    fi
fi
need_disk "$cpu_mb"

# --- installation -----------------------------------------------------------------------------

echo "Setting up .venv with Python $version (log: $log)"
started=$(date +%s)
mkdir -p .venv
rm -f .venv/ready
date >>"$log"

if [ ! -e .venv/pyvenv.cfg ]; then
    begin "virtual environment"
    echo "$writing the environment itself" >>"$log"
    "$python" -m venv .venv >>"$log" 2>&1 || failed
    echo "$written the environment itself" >>"$log"
    finish
fi

# A local version, "+cpu", exists only where pip's indexes and find-links offer a CPU build. It is a
# tenth of the size of the CUDA build, and asked for by name because pip would sort "+cu…" above it.
begin "torch $torch, CPU build"
if pip install -c constraints.txt "torch==$torch+cpu"; then
    finish
elif grep -q "No matching distribution found for torch==$torch+cpu" "$log"; then
    printf '   not offered\n'
    [ "$(uname -s)" != Linux ] || need_disk "$cuda_mb"
    begin "torch $torch, the index's build"
    pip install -c constraints.txt "torch==$torch" || failed
    finish
else
    failed
fi

begin "libraries and seedwitness"
pip install -c constraints.txt -e '.[run,dev]' || failed
finish

# Python runs the lines of such a file at every start (this one takes a millisecond): so plain
# diffusers works in .venv although torchvision was built for CUDA. See src/seedwitness/runtime/torch_compat.py.
echo "import seedwitness.runtime.torch_compat" \
    >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/seedwitness_torchvision.pth"

begin "check"
pip check || failed
.venv/bin/seedwitness --version >>"$log" 2>&1 || failed
.venv/bin/seedwitness plot-page >>"$log" 2>&1 || failed
finish

touch .venv/ready
printf 'Ready in %d s; .venv takes %s.\n' $(($(date +%s) - started)) "$(du -sh .venv | cut -f1)"
