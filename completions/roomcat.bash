# bash completion for roomcat. What there is to complete, the program itself says.

_roomcat() {
    local kind candidates
    COMPREPLY=()
    {
        IFS= read -r kind
        mapfile -t candidates
    } < <(command roomcat complete bash -- "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    case $kind in
    files)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$2")
        ;;
    folders)
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$2")
        ;;
    names) COMPREPLY=("${candidates[@]}") ;;
    esac
}

complete -F _roomcat roomcat
