# Sourced by the scripts beside it: where the clone is, which Python, which environment.
# A fresh clone and Python are all that is needed; scripts/environment.py does the rest.

set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
unset PYTHONHOME PYTHONPATH

fail() {
  printf 'tfchain: %s\n' "$*" >&2
  exit 1
}

# Exit 0: it can be used. 3: it lacks what virtual environments need. Else: it does not run at all
# (a pyenv shim of a version that is not selected answers here), or it is too old.
python_suits() {
  "$1" -I -c '
import sys
if sys.version_info < (3, 11):
    sys.exit(4)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(3)
' </dev/null >/dev/null 2>&1
}

# Prints the Python to use: $TFCHAIN_PYTHON if set, else python3.12 (plyvel has wheels for it), then
# 3.11, then any python3 from 3.11 on. Every one on the PATH is tried, not just the first.
find_python() {
  local name candidate status bare=""
  if [ -n "${TFCHAIN_PYTHON:-}" ]; then
    python_suits "$TFCHAIN_PYTHON" || fail "TFCHAIN_PYTHON=$TFCHAIN_PYTHON is no Python 3.11 or newer with venv"
    command -v "$TFCHAIN_PYTHON"
    return
  fi
  for name in python3.12 python3.11 python3 python; do
    while IFS= read -r candidate; do
      status=0
      python_suits "$candidate" || status=$?
      if [ "$status" -eq 0 ]; then
        printf '%s\n' "$candidate"
        return
      fi
      if [ "$status" -eq 3 ]; then bare="$candidate"; fi
    done < <(type -aP "$name" || true)
  done
  if [ -n "$bare" ]; then
    fail "$bare cannot make virtual environments: on Debian and Ubuntu install $(
      "$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
    ), elsewhere a full Python"
  fi
  fail "needs Python 3.11 or newer, and found none: on Debian and Ubuntu install python3 and python3-venv"
}

# enter RING [FOLDER]: makes the environment of the ring unless it stands; sets $bin to its programs.
enter() {
  local ring="$1" home python
  case "$ring" in
    run) home="$root/${2:-.venv}" ;;
    *) home="$root/${2:-.venv-dev}" ;;
  esac
  bin="$home/bin"
  if [ -z "${TFCHAIN_PYTHON:-}" ] && [ -x "$bin/python" ] &&
    "$bin/python" -I -S "$root/scripts/environment.py" "$ring" "$home" --check 2>/dev/null; then
    return
  fi
  python="$(find_python)"
  "$python" -I "$root/scripts/environment.py" "$ring" "$home" || exit 1
}

# Prints a Python 3.11 or 3.12 of another version than the one given, if this machine has one: the
# same bytes must come out of both. pyenv keeps versions that no shim answers for; they count here.
find_other_python() {
  local own="$1" name candidate
  for name in python3.12 python3.11; do
    [ "$name" != "python$own" ] || continue
    while IFS= read -r candidate; do
      if [ -x "$candidate" ] && python_suits "$candidate"; then
        printf '%s\n' "$candidate"
        return
      fi
    done < <(type -aP "$name" || true; ls -d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"${name#python}".*/bin/"$name" 2>/dev/null || true)
  done
}
