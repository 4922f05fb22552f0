# Read by the scripts beside it: uv, told of the package indexes that pip was told of.
uv=$PWD/.venv/bin/uv
[ -x "$uv" ] || { echo "$0: $uv is missing; run make install first" >&2; exit 1; }
told() { .venv/bin/python -m pip config get "$1" 2>/dev/null || true; }
export UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-$(told global.find-links)}}"
export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$(told global.index-url)}}"
for name in UV_FIND_LINKS UV_DEFAULT_INDEX; do
  [ -n "${!name}" ] || unset "$name"
done
export UV_HTTP_TIMEOUT=300
