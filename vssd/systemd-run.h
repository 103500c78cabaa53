/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where systemd-run(1) is: by it the daemon has done out of its sandbox, in a unit of its own, what its
 * sandbox does not allow.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

/*
 * The path of systemd-run below @root ("" for the system's), at @ret. FALSE where there is none, or where
 * it is not systemd that runs the machine, sd_booted(3).
 */
bool vss_systemd_run_find(const char *root, char ret[PATH_MAX]);
