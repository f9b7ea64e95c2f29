# Shared by the scripts of this folder; sourced from the project's top folder.

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

OLDEST_PYTHON=11 # 3.11, as in pyproject.toml
NEWEST_PYTHON=14

say() { printf '\n== %s\n' "$*"; }

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

is_python() { # COMMAND MINOR: is it a CPython 3.MINOR that starts?
    "$1" -c "import sys; sys.exit(sys.implementation.name != 'cpython' or sys.version_info[:2] != (3, $2))" \
        >/dev/null 2>&1
}

find_python() { # MINOR: prints the path of a CPython 3.MINOR, on PATH or installed by pyenv
    local candidate root
    candidate=$(command -v "python3.$1" 2>/dev/null || true)
    if [ -n "$candidate" ] && is_python "$candidate" "$1"; then
        echo "$candidate"
        return 0
    fi
    command -v pyenv >/dev/null 2>&1 || return 1
    root=$(pyenv root)
    for candidate in "$root/versions/3.$1".*/bin/python; do
        if [ -x "$candidate" ] && is_python "$candidate" "$1"; then
            echo "$candidate"
            return 0
        fi
    done
    return 1
}

default_python() { # prints $ALP_PYTHON, else python3 if it is new enough, else the newest found
    local minor
    if [ -n "${ALP_PYTHON:-}" ]; then
        echo "$ALP_PYTHON"
        return 0
    fi
    for minor in $(seq $OLDEST_PYTHON $NEWEST_PYTHON); do
        if is_python python3 "$minor"; then
            command -v python3
            return 0
        fi
    done
    for minor in $(seq $NEWEST_PYTHON -1 $OLDEST_PYTHON); do
        find_python "$minor" && return 0
    done
    die "alp needs CPython 3.$OLDEST_PYTHON or newer; set ALP_PYTHON to one"
}

# What decides whether an editable install is still current: metadata and compiled sources.
install_fingerprint() {
    {
        "$1" --version
        cat pyproject.toml setup.py
        find alp/_core -name '*.py[xdi]' -o -name '*.pxi' | LC_ALL=C sort | xargs cat
    } | cksum
}

# What was compiled before is not compiled again, be it in another folder or for another test.
compiler_cache() {
    local folder=${ALP_BUILD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/alp-build}
    [ -z "${CI:-}" ] || bash .ci/setup-cache || true
    [ -d /usr/lib/ccache ] && command -v ccache >/dev/null 2>&1 || return 0
    mkdir -p "$folder/cython"
    export ALP_CYTHON_CACHE=$folder/cython CCACHE_DIR=$folder/objects CCACHE_NOHASHDIR=1
    export CCACHE_MAXSIZE=2G PATH=/usr/lib/ccache:$PATH
}

# Makes build/venv with an editable install and everything the tests and checks import. It is not
# .venv, so that it never disturbs the environment of the person who runs it.
development_environment() {
    local python current
    compiler_cache
    DEV_PYTHON="$PWD/build/venv/bin/python"
    if [ ! -x "$DEV_PYTHON" ]; then
        python=$(default_python)
        say "environment: $("$python" --version) in build/venv"
        "$python" -m venv build/venv
    fi
    current=$(install_fingerprint "$DEV_PYTHON")
    if [ "$(cat build/venv/installed 2>/dev/null || true)" != "$current" ]; then
        say "environment: pip install -e .[dev]"
        "$DEV_PYTHON" -m pip install --quiet --editable '.[dev]'
        echo "$current" >build/venv/installed
    fi
}

# Browser, local EVM, PostgreSQL and others' clients, for the tests that need them. In CI they must
# be there; on a person's machine the tests that miss them skip and say so.
optional_tools() {
    local script
    for script in .ci/setup-browser .ci/setup-evm .ci/setup-peers .ci/setup-postgres; do
        [ -f "$script" ] || continue
        if [ -n "${CI:-}" ]; then
            bash "$script"
        else
            bash "$script" || echo "$script did not finish: the tests that need it will skip"
        fi
    done
}
