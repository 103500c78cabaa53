# SPDX-License-Identifier: GPL-2.0-only
# fish completion for hvctl. The program itself knows what may stand where.

function __hvctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (string replace -r -- '^--[a-z-]*=' '' "$current")
        else
            echo $line
        end
    end
end

complete -c hvctl -f -a '(__hvctl_complete)'
