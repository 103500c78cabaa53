/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may stand at a place of a command line. The shells' completions ask for it with the hidden
 * first word HVCTL_COMPLETE, so that the table of commands is the only list there is.
 */
#pragma once

#include "hvctl/command.h"

#define HVCTL_COMPLETE "__complete"

/*
 * The candidates for the last of @words, which are a line without the program's name: lines of text,
 * each with a tab and a description where there is one, in the order of help. The line ":files" means
 * that names of files may stand there. Keys are asked for, quickly and quietly. New string.
 */
char *hvctl_complete(const char *const *words);
