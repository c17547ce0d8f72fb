#!/bin/sh
# Makes .venv. `make install`, for a run without a GPU: chooses a Python, takes PyTorch's build for processors and tries it,
# and only then fetches the other 4 GB. `make light`: the package alone. TORCH_INDEX is where that build is looked for
# first; PYTHON, if given, is taken.
set -eu
lock=images/laptop/requirements.txt
mode=${1:-install}
torch=$(grep '^torch==' $lock)
log=.venv/torch.log

stop() {
  printf 'make %s: %s\n' "$mode" "$1" >&2
  exit 2
}

# "python -c" and not "command -v": what is found may be a stand-in that only says which versions there are
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
makes_environments() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

choose_python() {
  bare=
  for python in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    fits "$python" || continue
    if makes_environments "$python"; then return; fi
    bare=${bare:-$python}
  done
  if [ -n "$bare" ]; then
    stop "$bare has no module that makes environments; run: $(with_apt \
      "$("$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")"
  fi
  stop "${PYTHON:-Python 3.11, 3.12 or 3.13} is not here, or of another version; run: $(get_python)"
}

with_apt() {
  apt-cache show "$1" >/dev/null 2>&1 || printf 'apt-get update && '
  printf 'apt-get install %s' "$1"
}

get_python() {
  if command -v apt-get >/dev/null; then
    for version in 3.11 3.12 3.13; do
      if apt-cache show python$version-venv >/dev/null 2>&1; then with_apt python$version-venv; return; fi
    done
    with_apt python3-venv
  elif command -v dnf >/dev/null; then
    echo 'dnf install python3.12'
  elif command -v brew >/dev/null; then
    echo 'brew install python@3.12'
  else
    echo "make $mode PYTHON=/path/to/python3.12"
  fi
}

# What is there and fits is not fetched again
make_environment() {
  [ "$(.venv/bin/python -V 2>/dev/null)" = "$("$python" -V)" ] || "$python" -m venv --clear .venv
}

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

install_torch() {
  # No retries: an index that is not reachable here must not hold up the way that pip is configured for.
  pip install --quiet --no-deps --retries 0 --timeout 10 --index-url "$TORCH_INDEX" "$torch" >$log 2>&1 && return
  pip install --quiet --no-deps --retries 1 --timeout 10 "$torch" >>$log 2>&1 && return
  cat $log >&2
  stop "PyTorch's build for processors, $torch, is neither at $TORCH_INDEX nor where pip is configured to look;
with the address of an index that has it, run: make install TORCH_INDEX=https://…"
}

if [ "$mode" = light ]; then
  choose_python
  make_environment
  pip install --quiet --editable .
  exit
fi
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || stop "vLLM without a GPU needs Linux on x86-64; for submit, status, \
doctor, compile and the steps without a model, run: make light"
choose_python
make_environment
install_torch
# What torch itself needs, to try it: 100 MB
pip install --quiet --constraint $lock "$torch"
.venv/bin/python -W ignore -c 'import sys, torch; sys.exit(torch.version.cuda and "torch is a build for CUDA")' ||
  stop "$torch does not load (above); with an index that has another build of it, run: make install TORCH_INDEX=https://…"
# --no-deps: the lock is complete, and leaves out what packages ask for and do not use here (overrides.txt)
pip install --quiet --no-deps --use-pep517 --requirement $lock
pip install --quiet --no-deps --no-build-isolation --editable .
