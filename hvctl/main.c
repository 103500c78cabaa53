/* SPDX-License-Identifier: GPL-2.0-only */
/* hvctl: query and steer the guest's Hyper-V services. */
#include "hvctl/command.h"
#include "util/fd.h"

int main(int argc G_GNUC_UNUSED, char **argv)
{
	hvis_fd_fill_standard();
	g_set_prgname("hvctl");
	return hvctl_main((const char *const *)argv);
}
