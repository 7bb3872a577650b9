# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion for bionicctl. Verbs and options come from the program itself, names from the services.

_bionicctl_verbs () {
  bionicctl --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\( [a-z][a-z]*\)\{0,1\}\)  .*/\1/p'
}

_bionicctl_options () {
  "$@" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*'
}

# The same of firmware, which is called by its hash or its version.
_bionicctl_firmware () {
  bionicctl --no-ask-password --timeout 2 --key-value firmware 2>/dev/null |
    sed -n 's/^\[[0-9]*\]\.\(hash\|version\)=//p'
}

# The first column of what there is of a kind; nothing when the service does not answer at once.
_bionicctl_names () {
  bionicctl --no-ask-password --timeout 2 --key-value list "$1" 2>/dev/null | sed -n 's/^\[[0-9]*\]\.id=//p'
}

_bionicctl_arguments () {
  case $1 in
    'models export' | 'models delete' | evaluate) _bionicctl_names models ;;
    'patients delete') _bionicctl_names patients ;;
    'recordings delete' | train | export | 'plot signals' | verdicts) _bionicctl_names recordings ;;
    deploy | rollback | show)
      _bionicctl_names prostheses
      _bionicctl_names models
      ;;
    firmware) printf '%s\n' list ;;
    'firmware install')
      _bionicctl_names prostheses
      _bionicctl_firmware
      ;;
    'bench play' | 'bench follow')
      _bionicctl_names prostheses
      _bionicctl_names recordings
      ;;
    'firmware trial' | 'firmware confirm' | 'firmware rollback') _bionicctl_names prostheses ;;
    list) printf '%s\n' prostheses patients recordings models sessions ;;
    'plot confusion') _bionicctl_names models ;;
    bind | unbind | identify | session | record | signals | usage | trial | confirm | 'plot latency' | bench | \
      'bench unlock' | 'bench press' | 'bench off')
      _bionicctl_names prostheses
      ;;
  esac
}

_bionicctl_values () {
  case $1 in
    --patient) _bionicctl_names patients ;;
    --from | --compare) _bionicctl_names models ;;
    --recordings | --continue) _bionicctl_names recordings ;;
    --prosthesis) _bionicctl_names prostheses ;;
    --side)
      printf '%s\n' left right
      [[ $2 != sign ]] || printf '%s\n' any
      ;;
    --unit) printf '%s\n' microvolt myo_count myo_full_scale volt_after_gain ;;
    --purpose) printf '%s\n' training recalibration ;;
    --port) compgen -G '/dev/tty[AU]*' ;;
    --baud) printf '%s\n' 115200 230400 460800 921600 ;;
    --when-refused) printf '%s\n' redo skip abort ;;
    *) return 1 ;;
  esac
}

# The verb among the words before the cursor, of one or two words.
_bionicctl_find_verb () {
  local word first=''

  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      -*) ;;
      *)
        if [[ -n $first ]]; then
          grep -qx -- "$first $word" <<<"$1" && first="$first $word"
          break
        fi
        first=$word
        ;;
    esac
  done
  printf '%s' "$first"
}

_bionicctl () {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verbs verb words

  verbs=$(_bionicctl_verbs)
  verb=$(_bionicctl_find_verb "$verbs")
  if words=$(_bionicctl_values "$previous" "$verb"); then
    :
  elif [[ -z $verb ]]; then
    words=$(cut -d ' ' -f 1 <<<"$verbs" | sort -u)
    [[ $word != -* ]] || words='--json --key-value --quiet --timeout --session-bus --no-ask-password --version --help'
  elif [[ $word == -* ]]; then
    # shellcheck disable=SC2086 # a verb of two words is two words
    words=$(_bionicctl_options bionicctl $verb)
  else
    words=$(sed -n "s/^$verb \(.*\)/\1/p" <<<"$verbs")
    [[ $verb != lab ]] || words='train run info score convert'
    words="$words $(_bionicctl_arguments "$verb")"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
}

complete -o filenames -F _bionicctl bionicctl
