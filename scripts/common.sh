# Sourced by the scripts beside it: where the tree is, and how to become root.
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
readonly root

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Runs a command as root: directly, or by sudo where this is an ordinary user.
as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root for: $* (there is no sudo here)"
  fi
}

# Whether as_root works without asking anybody.
can_be_root() {
  [[ $EUID -eq 0 ]] || sudo -n true 2>/dev/null
}
