/* SPDX-License-Identifier: GPL-2.0-only */
/* Who keeps a pool file locked, as far as the kernel tells whoever asks. */
#pragma once

#include <glib.h>

typedef struct {
	gint64 pid; /* 0: a process of somebody else's that only root can see */
	char *command; /* its name, NULL where it cannot be known */
} HvctlHolder;

/* TRUE where the file at @path stays locked for a while: for an instant everybody does that. */
gboolean hvctl_holder_find(const char *path, HvctlHolder *ret);
void hvctl_holder_clear(HvctlHolder *holder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HvctlHolder, hvctl_holder_clear)

/* "process 4711 (flock)", a new string. */
char *hvctl_holder_text(const HvctlHolder *holder);
