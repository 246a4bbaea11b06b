#!/bin/sh
# Install a pinned requirements file into .venv, which is made when it is missing or broken.
# Usage: install.sh PYTHON FILE
set -eu
python=$1
file=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "Trellis needs Python 3.11 or newer; $("$python" --version 2>&1 || echo "$python is not there")." \
        "Name another one, as in: make PYTHON=python3.12 run" >&2
    exit 1
}
with_uv() { uv --version >/dev/null 2>&1; }

# A Python that was removed leaves a .venv that no longer starts; one made by uv has no pip.
if ! .venv/bin/python -c '' 2>/dev/null || ! { with_uv || .venv/bin/python -m pip --version >/dev/null 2>&1; }; then
    echo "Making .venv."
    rm -rf .venv 2>/dev/null || {
        echo "The folder .venv does not work for you and is not yours to remove;" \
            "remove it as the account that made it, or use a clone of your own." >&2
        exit 1
    }
    if with_uv; then
        uv venv --quiet --no-project --python "$python" .venv
    else
        "$python" -m venv .venv || {
            echo "Python's venv module is missing; Debian and Ubuntu have it in python3-venv." >&2
            exit 1
        }
    fi
fi
echo "Installing $file; the first time takes up to a minute."
if with_uv; then
    uv pip install --quiet --python .venv/bin/python --require-hashes -r "$file"
else
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$file"
fi
