/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is started for a file that was received: an instance of hvis-fcopy-received@.service, by systemctl, which is
 * not waited for, though only a few run at a time. The file is there whatever becomes of it. It logs what it cannot do.
 */
#pragma once

#include <glib.h>

/* "hvis-fcopy-received@srv-a\x20b.service" for @target, as systemd-escape(1) has it; NULL: too long for a unit. New. */
char *fcopy_received_unit(const char *target);

void fcopy_received_start(const char *target);
