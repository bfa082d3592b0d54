# fish completion for roomcat. The program itself lists the candidates.

function __roomcat_complete
    set -l before (commandline --tokenize --current-process --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    # Remove the quotes, closed or not.
    set -l word (string unescape -- $current; or string unescape -- $current\'; or string unescape -- $current\"; or echo -- $current)
    set -l lines (command roomcat complete fish -- $before "$word" 2>/dev/null)
    # The part of the word before a path: --file= or @.
    set -l before "$lines[2]"
    set -l path (string sub --start (math 1 + (string length -- "$before")) -- "$word")
    switch "$lines[1]"
        case files
            printf '%s\n' "$before"(__fish_complete_path "$path")
        case folders
            printf '%s\n' "$before"(__fish_complete_directories "$path")
        case names
            string join -- \n $lines[2..]
    end
end

complete --command roomcat --no-files --keep-order --arguments '(__roomcat_complete)'
