# fish completion for roomcat. What there is to complete, the program itself says.

function __roomcat_complete
    set -l before (commandline --tokenize --current-process --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    # Without its quotes, closed or not.
    set -l word (string unescape -- $current; or string unescape -- $current\'; or string unescape -- $current\"; or echo -- $current)
    set -l lines (command roomcat complete fish -- $before "$word" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path "$word"
        case folders
            __fish_complete_directories "$word"
        case names
            string join -- \n $lines[2..]
    end
end

complete --command roomcat --no-files --keep-order --arguments '(__roomcat_complete)'
