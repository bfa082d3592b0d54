# bash completion for roomcat. The program itself lists the candidates.

_roomcat() {
    local kind candidates before
    COMPREPLY=()
    {
        IFS= read -r kind
        mapfile -t candidates
    } < <(command roomcat complete bash -- "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    # Bash replaces only the part after the last word break.
    before=${candidates[0]}
    while [[ $2 != "$before"* ]]; do before=${before:1}; done
    case $kind in
    files)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -P "$before" -f -- "${2#"$before"}")
        ;;
    folders)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -P "$before" -d -- "${2#"$before"}")
        ;;
    names) COMPREPLY=("${candidates[@]}") ;;
    esac
}

complete -F _roomcat roomcat
