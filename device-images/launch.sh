#!/bin/sh
# Starts the agent from the slot that the boot record names: covey-launch <data folder> [options of covey agent]
#
# The record, <data folder>/software/boot, is one line: format, slot, trial or -, starts left to the trial, SHA-256 of the words
# before it. A start of a trial is counted down on the medium before it is made; a trial with none left is not made again. What
# cannot be read or is not whole is passed over: the software that the device was installed with, beside this file, always starts.
# After a start that did not last (`starting` is still there; the agent removes it) committed software is compared with its digests
# first. Where it is damaged its `bundle` becomes `damaged`, and the other slot starts, where that was committed once and is whole.
# This file is not part of what updates: it knows nothing of the agent but how to start it.
here=$(dirname "$(readlink -f "$0")")
data=$1
shift
software=$data/software

digest_of() {
  printf %s "$1" | sha256sum | cut -d ' ' -f 1
}

# The file `bundle` is written last when a slot is filled.
is_whole() {
  case $1 in
    installed) true ;;
    a | b) [ -s "$software/$1/bundle" ] ;;
    *) false ;;
  esac
}

# `good` says the same as `bundle` in a slot whose software was committed once.
was_committed() {
  [ "$(cat "$software/$1/good" 2>/dev/null)" = "$(cat "$software/$1/bundle")" ]
}

is_undamaged() {
  [ "$1" = installed ] && return
  [ "$has_lasted" = true ] && [ -x "$software/$1/bin/covey" ] && return
  (cd "$software/$1" && sha256sum -c digests >/dev/null 2>&1) && return
  { mv "$software/$1/bundle" "$software/$1/damaged" && sync "$software/$1"; } 2>/dev/null
  false
}

count_down() {
  words="covey-boot/1 $chosen $trial $((left - 1))"
  printf '%s %s\n' "$words" "$(digest_of "$words")" >"$software/boot.new" &&
    sync "$software/boot.new" && mv "$software/boot.new" "$software/boot" && sync "$software"
}

has_lasted=false
[ -e "$software/starting" ] || ! (: >"$software/starting") 2>/dev/null || has_lasted=true
slot=installed
if [ -r "$software/boot" ] && read -r format chosen trial left digest <"$software/boot" &&
  [ "$format" = covey-boot/1 ] && [ "$digest" = "$(digest_of "$format $chosen $trial $left")" ]; then
  if [ "$left" -gt 0 ] && is_whole "$trial" && count_down; then
    slot=$trial
  elif is_whole "$chosen" && is_undamaged "$chosen"; then
    slot=$chosen
  else
    for other in a b; do
      [ "$other" != "$chosen" ] && [ "$other" != "$trial" ] && is_whole "$other" && was_committed "$other" &&
        is_undamaged "$other" && slot=$other
    done
  fi
fi
program=$here/covey
[ "$slot" = installed ] || program=$software/$slot/bin/covey
export COVEY_SLOT="$slot"
exec "$program" agent --data "$data" "$@"
