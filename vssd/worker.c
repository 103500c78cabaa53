/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv_vss_worker DAEMON-FD GUARD-FD: one freeze, see engine.h. Started by hv_vss_daemon for each, so
 * that a call into the kernel that hangs holds nothing else up.
 * hv_vss_worker --open: see enter.h.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vssd/engine.h"
#include "vssd/enter.h"
#include "vssd/prove.h"

/* Only the daemon ends a freeze: what is sent to a whole service must not. */
static void hold_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Three descriptors for each file system. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	struct vss_engine *engine;

	vss_prove_init();
	if (argc == 2 && strcmp(argv[1], VSS_ENTER_OPTION) == 0)
		return vss_enter_serve(STDIN_FILENO);
	if (argc != 3) {
		fputs("usage: hv_vss_worker DAEMON-FD GUARD-FD (hv_vss_daemon starts it)\n",
			stderr);
		return 2;
	}
	hold_signals();
	raise_limit();
	engine = vss_engine_new(&vss_fs_system, NULL, atoi(argv[1]), atoi(argv[2]));
	if (!engine)
		return 3;
	_exit(vss_engine_run(engine) == 0 ? 0 : 1);
}
