# bash completion of reeve
_reeve() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]:-}
  if [ "$COMP_CWORD" -eq 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W 'broker list print load unload start stop kill call interface new doctor audit sandbox team sign verify identity ports plist archive --help' -- "$word")
    return
  fi
  case $word in
    -*)
      local options='--help --json --system'
      [ "$command" != broker ] || options="$options --user --replace --jobs"
      [ "$command" != sign ] ||
        options='--help --json --key --identifier --version --group --entitlement --preset --allow --detached --passphrase-file'
      [ "$command" != call ] || options='--help --json --file --timeout'
      [ "$command" != new ] || options='--help --json --label'
      [ "$command" != plist ] || options='--help --json --to --output'
      [ "$command" != interface ] || options='--help --json --timeout'
      mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
      return
      ;;
  esac
  case $command in
    team) [ "$COMP_CWORD" -ne 2 ] || mapfile -t COMPREPLY < <(compgen -W 'new' -- "$word") ;;
    new) [ "$COMP_CWORD" -ne 2 ] || mapfile -t COMPREPLY < <(compgen -W 'service' -- "$word") ;;
    interface)
      if [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'show diff' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -X '!*.json' -- "$word"; compgen -d -- "$word")
      fi
      ;;
    plist | archive)
      if [ "$COMP_CWORD" -eq 2 ]; then
        [ "$command" = archive ] || mapfile -t COMPREPLY < <(compgen -W 'show check convert' -- "$word")
        [ "$command" != archive ] || mapfile -t COMPREPLY < <(compgen -W 'show' -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi
      ;;
    sign | verify) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    sandbox)
      if [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'show run' -- "$word")
      elif [ "$COMP_CWORD" -eq 3 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(reeve sandbox show | awk '{ print $1 }')" -- "$word")
      else
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
      fi
      ;;
    load) mapfile -t COMPREPLY < <(compgen -f -X '!*.plist' -- "$word"; compgen -d -- "$word") ;;
    kill)
      if [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'TERM KILL HUP INT USR1 USR2 STOP CONT' -- "$word")
        return
      fi
      ;&
    print | unload | start | stop | call)
      # Only a broker that runs is asked: a key press starts nothing.
      [ -z "$(reeve doctor --json 2>/dev/null | grep -o '"pid":[0-9]*')" ] ||
        mapfile -t COMPREPLY < <(compgen -W "$(reeve list | awk 'NR > 1 && $1 != "problem:" { print $1 }')" -- "$word")
      ;;
  esac
}
complete -F _reeve reeve
